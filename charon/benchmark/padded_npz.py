"""How fast a padded .npz of NTU RGB+D's becomes rows of the cache."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charon.benchmark.skeleton_files import timed
from charon.data.ntu import MAX_FRAMES, NUM_JOINTS
from charon.data.prepare import prepare

CLASSES = 60
SHARE_OF_TESTS = 4
"""Every so many clips one is for testing."""


@dataclass(frozen=True)
class Padded:
    """What the preparation took: medians of several.

    Attributes:
        clips: prepared.
        num_bytes: of the file.
        seconds: wall time, from the file to the finished cache.
        cpu_seconds: of all threads together.
        load_seconds: wall time in which ``numpy.load`` reads the same arrays; they were just
            written, so the system has them in memory.
    """

    clips: int
    num_bytes: int
    seconds: float
    cpu_seconds: float
    load_seconds: float


def measure_padded(clips: int = 2400, repeats: int = 1) -> Padded:
    """Write an .npz of random clips into a temporary folder, and prepare it several times."""
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "NTU60_XSub.npz")
        num_tests = clips // SHARE_OF_TESTS
        _write(path, clips - num_tests, num_tests)
        caches = (Path(temporary, f"cache{number}") for number in range(repeats))
        taken = [timed(prepare, str(path), cache) for cache in caches]
        loaded = [timed(_load, path) for _ in range(repeats)]
        return Padded(
            clips=clips,
            num_bytes=path.stat().st_size,
            seconds=median(one.wall for one in taken),
            cpu_seconds=median(one.cpu for one in taken),
            load_seconds=median(one.wall for one in loaded),
        )


def _write(path: Path, num_train: int, num_test: int) -> None:
    """Write clips of 84 frames, NTU RGB+D's mean; every fifth shows two people."""
    arrays: dict[str, NDArray[Any]] = {}
    rng = np.random.default_rng(0)
    for part, count in (("train", num_train), ("test", num_test)):
        x = np.zeros((count, MAX_FRAMES, 2, NUM_JOINTS, 3), dtype=np.float32)
        x[:, :84] = rng.standard_normal((84, 2, NUM_JOINTS, 3))
        x[np.arange(count) % 5 != 0, :, 1] = 0
        arrays[f"x_{part}"] = x.reshape(count, MAX_FRAMES, -1)
        arrays[f"y_{part}"] = np.eye(CLASSES)[np.arange(count) % CLASSES]
    np.savez(path, allow_pickle=False, **arrays)


def _load(path: Path) -> None:
    with np.load(path) as arrays:
        for key in arrays.files:
            arrays[key]
