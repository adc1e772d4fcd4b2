"""How fast raw ``.skeleton`` files become rows of the cache."""

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np

from charon.data.actors import prepare_clip
from charon.data.ntu import BONES, NUM_JOINTS
from charon.data.prepare import prepare
from charon.data.recordings import Recording
from charon.data.standin.source import make_raw_clip

KINDS = 60
"""Different recordings, one a class; each is written under several names."""
PERFORMER = 2
"""Of the recordings: theirs have 252 kB on average. NTU RGB+D 60's 56,880 files have 14 GB in
all, 246 kB each.
"""
_BODY = "{} 0 1 1 1 1 0 0.02345678 -0.1234567 2"
_JOINT = "{:.7g} {:.7g} {:.7g} 282.456 219.3751 1054.123 545.9132 {} 2"
_TURNED, _UNTURNED = "-0.1234567 0.02345678 0.9876543 -0.1357913", "0 0 0 0"
_ENDS = {child for _, child in BONES} - {parent for parent, _ in BONES}
"""Joints at the end of a limb, to which a Kinect gives no orientation."""


@dataclass(frozen=True)
class Prepared:
    """What the preparation took: medians of several.

    Attributes:
        clips: prepared.
        num_bytes: of their files.
        seconds: wall time, from the files to the finished cache.
        cpu_seconds: of all processes together, their start included; the files were just
            written, so the system has them in memory.
        best: the least CPU seconds.
        worst: the most CPU seconds.
        plain_seconds: CPU time for as many clips if a plain reader reads them one after the
            other; without writing rows.
    """

    clips: int
    num_bytes: int
    seconds: float
    cpu_seconds: float
    best: float
    worst: float
    plain_seconds: float


@dataclass(frozen=True)
class Time:
    """Seconds by the clock, and those that all cores together have worked."""

    wall: float
    cpu: float


def timed(act: Callable[..., object], *arguments: object) -> Time:
    """Call a function and return what it took."""
    start, cpu = time.perf_counter(), _cpu_seconds()
    act(*arguments)
    return Time(time.perf_counter() - start, _cpu_seconds() - cpu)


def measure_preparation(
    read_plainly: Callable[[str], Recording], repetitions: int = 20, repeats: int = 1
) -> Prepared:
    """Write 60 clips of a real size so many times into a temporary folder, and prepare them.

    Args:
        read_plainly: reads the text of a file, as it is described.
        repetitions: files of each clip.
        repeats: how often they are prepared, each time into a new cache.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "skeletons")
        folder.mkdir()
        for action in range(1, KINDS + 1):
            text = recorded_text(make_raw_clip(_name(PERFORMER, action), KINDS, seed=0))
            for number in range(1, repetitions + 1):
                (folder / f"{_name(number, action)}.skeleton").write_bytes(text.encode())
        paths = sorted(folder.iterdir())
        caches = (Path(temporary, f"cache{number}") for number in range(repeats))
        taken = [timed(prepare, str(folder), cache) for cache in caches]
        cpu = [one.cpu for one in taken]
        return Prepared(
            clips=len(paths),
            num_bytes=sum(path.stat().st_size for path in paths),
            seconds=median(one.wall for one in taken),
            cpu_seconds=median(cpu),
            best=min(cpu),
            worst=max(cpu),
            plain_seconds=timed(_prepare_plainly, read_plainly, paths[:KINDS]).cpu
            * (len(paths) / KINDS),
        )


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


def _prepare_plainly(read_plainly: Callable[[str], Recording], paths: list[Path]) -> None:
    for path in paths:
        prepare_clip(read_plainly(path.read_text(encoding="ascii")))


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
