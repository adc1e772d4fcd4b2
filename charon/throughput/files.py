"""How fast raw ``.skeleton`` files become rows of the cache."""

import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from charon.data.prepare import prepare
from charon.data.skeleton_file import format_skeleton
from charon.data.standin import make_raw_clip

ZEROS = " 0 0 0 0 0 0 0 0 2\n"
DIGITS = " 282.4568 219.3751 1054.1230 545.9132 0.1234567 0.0123457 0.9876543 0.0234568 2\n"
"""What a camera writes where the stand-in writes zeros; with it a clip has about 240 kB, as
those of NTU RGB+D have.
"""
KINDS = 60
"""Different recordings; each is written under several names."""


@dataclass(frozen=True)
class Prepared:
    """What the preparation took.

    Attributes:
        clips: prepared.
        num_bytes: of their files.
        seconds: wall time, from the files to the finished cache.
        cpu_seconds: of all processes together.
        read_seconds: wall time of reading the same files and nothing else; they were just
            written, so the system has them in memory.
    """

    clips: int
    num_bytes: int
    seconds: float
    cpu_seconds: float
    read_seconds: float


def measure_preparation(repetitions: int) -> Prepared:
    """Write 60 clips of a real size so many times into a temporary folder, and prepare them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "skeletons")
        folder.mkdir()
        for action in range(1, KINDS + 1):
            raw = make_raw_clip(f"S001C001P001R001A{action:03d}", KINDS, seed=0)
            text = format_skeleton(raw).replace(ZEROS, DIGITS)
            for number in range(repetitions):
                name = f"S001C001P{number + 1:03d}R001A{action:03d}.skeleton"
                Path(folder, name).write_text(text, encoding="ascii")
        paths = sorted(folder.iterdir())
        start = time.perf_counter()
        num_bytes = sum(len(path.read_bytes()) for path in paths)
        reading = time.perf_counter() - start
        start, cpu = time.perf_counter(), _cpu_seconds()
        prepare(str(folder), Path(temporary, "cache"))
        seconds = time.perf_counter() - start
        return Prepared(len(paths), num_bytes, seconds, _cpu_seconds() - cpu, reading)


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
