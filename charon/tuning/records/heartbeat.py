"""A trial's progress within its task: a small file per trial that the driver reads.

Ray's reports come once per task, which takes an hour on a full-size benchmark. The files lie
beside the results, which every node of a cluster can reach.
"""

import math
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from charon.files import read_json, write_json
from charon.plain import conform


class Beat(NamedTuple):
    """Task (from 1), epoch (from 1) of epochs, phase, and seconds since 1970."""

    task: int
    epoch: int
    epochs: int
    phase: str
    time: float


@dataclass
class Heart:
    """Writes a trial's beats to a file, at most one a second."""

    path: Path
    last: float = -math.inf

    def beat(self, task: int, epoch: int, epochs: int, phase: str) -> None:
        """Write a beat, unless the last is less than a second old.

        What cannot be written is left out: a checkpoint follows, and says so if it must.
        """
        now = time.monotonic()  # the clock may be set back
        if now - self.last >= 1.0:
            self.last = now
            with suppress(OSError):
                write_json(self.path, Beat(task, epoch, epochs, phase, time.time()))


def read_beat(path: Path) -> Beat | None:
    """Return the latest beat; None before the first, or of a damaged one."""
    try:
        return Beat(*conform(read_json(path), tuple[int, int, int, str, float]))
    except (OSError, ValueError):
        return None
