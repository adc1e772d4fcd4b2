"""Time the preparation of raw ``.skeleton`` files and of a padded ``.npz``."""

import resource
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charon.benchmark.plain.skeleton import read_plainly
from charon.benchmark.steps import Row
from charon.data.actors import prepare_clip
from charon.data.ntu import BONES, MAX_FRAMES, NUM_JOINTS
from charon.data.prepare import prepare
from charon.data.source import Recording
from charon.data.standin.source import make_raw_clip

CLASSES = 60
"""Of NTU RGB+D 60; of ``.skeleton`` files each has a recording, written under several names."""
PERFORMER = 2
"""Whose recordings have 252 kB on average; NTU RGB+D 60's 56,880 files have 246 kB."""
_BODY = "{} 0 1 1 1 1 0 0.02345678 -0.1234567 2"
_JOINT = "{:.7g} {:.7g} {:.7g} 282.456 219.3751 1054.123 545.9132 {} 2"
_TURNED, _UNTURNED = "-0.1234567 0.02345678 0.9876543 -0.1357913", "0 0 0 0"
_ENDS = {child for _, child in BONES} - {parent for parent, _ in BONES}
"""Joints at the end of a limb, to which a Kinect gives no orientation."""


def measure_skeleton_files(repetitions: int = 20, repeats: int = 1) -> Row:
    """Write 60 clips of real size, each to several files, and prepare them several times.

    Returns:
        See :func:`_prepare_often`, and ``best`` and ``worst``: the least and the most CPU
        seconds; ``plain_seconds``: CPU time in which the plain reader prepares as many clips,
        without writing rows; ``clips_per_core_second``: clips prepared in a second of a core's
        time; ``times_plain``: that speed in plain readers'.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "skeletons")
        folder.mkdir()
        for action in range(1, CLASSES + 1):
            text = recorded_text(make_raw_clip(_name(PERFORMER, action), CLASSES, seed=0))
            for number in range(1, repetitions + 1):
                (folder / f"{_name(number, action)}.skeleton").write_bytes(text.encode())
        paths = sorted(folder.iterdir())
        num_bytes = sum(path.stat().st_size for path in paths)
        row, cpu = _prepare_often(folder, len(paths), num_bytes, repeats)
        texts = (path.read_text(encoding="ascii") for path in paths[:CLASSES])
        plain = _timed(lambda: [prepare_clip(read_plainly(text)) for text in texts])[1]
        plain *= len(paths) / CLASSES
        return row | {
            "best": min(cpu),
            "worst": max(cpu),
            "plain_seconds": plain,
            "clips_per_core_second": len(paths) / row["cpu_seconds"],
            "times_plain": plain / row["cpu_seconds"],
        }


def measure_padded(clips: int = 2400, repeats: int = 1) -> Row:
    """Write an ``.npz`` of random clips to a temporary folder, and prepare it several times.

    Returns:
        See :func:`_prepare_often`, and ``load_seconds``: wall time in which ``numpy.load``
        reads the same arrays from memory.
    """
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "NTU60_XSub.npz")
        _write_padded(path, clips - clips // 4, clips // 4)
        row, _ = _prepare_often(path, clips, path.stat().st_size, repeats)
        return row | {"load_seconds": median(_timed(_load, path)[0] for _ in range(repeats))}


def recorded_text(clip: Recording) -> str:
    """Return a clip as a camera's software writes it: 7 digits a number, every field filled."""
    lines = [str(clip.num_frames)]
    seen = iter(zip(clip.body_id, clip.xyz, strict=True))
    for num_bodies in np.bincount(clip.frame, minlength=clip.num_frames).tolist():
        lines.append(str(num_bodies))
        for body, xyz in islice(seen, num_bodies):
            lines += [_BODY.format(body), str(NUM_JOINTS)]
            lines += [
                _JOINT.format(*place, _UNTURNED if joint in _ENDS else _TURNED)
                for joint, place in enumerate(xyz.tolist())
            ]
    return "\r\n".join([*lines, ""])


def _name(performer: int, action: int) -> str:
    return f"S001C001P{performer:03d}R001A{action:03d}"


def _write_padded(path: Path, num_train: int, num_test: int) -> None:
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


def _prepare_often(
    source: Path, clips: int, num_bytes: int, repeats: int
) -> tuple[Row, list[float]]:
    """Prepare files just written, which the system has in memory, into new caches beside them.

    Returns:
        ``clips`` prepared; ``num_bytes`` of their files; ``seconds``: wall time, from the files
        to the finished cache, a median; ``cpu_seconds`` of all processes and threads together,
        their start included, likewise. Then the CPU seconds of each time.
    """
    caches = [source.parent / f"cache{number}" for number in range(repeats)]
    times = [_timed(prepare, str(source), cache) for cache in caches]
    cpu = [each for _, each in times]
    seconds = median(wall for wall, _ in times)
    row = {"clips": clips, "num_bytes": num_bytes, "seconds": seconds, "cpu_seconds": median(cpu)}
    return row, cpu


def _timed(act: Callable[..., object], *arguments: object) -> tuple[float, float]:
    """Call a function; return the seconds by the clock, and those of all cores together."""
    start, cpu = time.perf_counter(), _cpu_seconds()
    act(*arguments)
    return time.perf_counter() - start, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
