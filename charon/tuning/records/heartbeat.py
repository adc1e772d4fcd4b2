"""A trial's progress within its task, and its signs of life: small files that the driver reads.

Ray's reports come once per task, which takes an hour on a full-size benchmark. The files lie
beside the results, which every node of a cluster can reach.
"""

import math
import os
import time
from collections.abc import Callable, Mapping
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


PULSE_SECONDS = 10.0
"""Between two signs of life within an epoch."""


@dataclass
class Heart:
    """Writes a trial's beats to a file, at most one a second."""

    path: Path
    last: float = -math.inf
    pulsed: float = -math.inf

    def beat(self, task: int, epoch: int, epochs: int, phase: str) -> None:
        """Write a beat, unless the last is less than a second old.

        What cannot be written is left out: a checkpoint follows, and says so if it must.
        """
        now = time.monotonic()  # the clock may be set back
        if now - self.last >= 1.0:
            self.last = now
            with suppress(OSError):
                write_json(self.path, Beat(task, epoch, epochs, phase, time.time()))

    def pulse(self) -> None:
        """Mark the file as new, unless that was done less than 10 seconds ago."""
        now = time.monotonic()
        if now - self.pulsed >= PULSE_SECONDS:
            self.pulsed = now
            with suppress(OSError):
                self.path.touch()


def read_beat(path: Path) -> Beat | None:
    """Return the latest beat; None before the first, or of a damaged one."""
    try:
        return Beat(*conform(read_json(path), tuple[int, int, int, str, float]))
    except (OSError, ValueError):
        return None


class Process(NamedTuple):
    """The process that learns a trial: its Ray node, its number there, and what it is called."""

    node: str
    number: int
    title: str


def write_process(path: Path, node: str, title: str) -> None:
    """Say that this process learns a trial from now on; what cannot be written is left out."""
    with suppress(OSError):
        write_json(path, Process(node, os.getpid(), title))


def read_process(path: Path) -> Process | None:
    """Return the latest process of a trial; None if there is none yet."""
    try:
        return Process(*conform(read_json(path), tuple[str, int, str]))
    except (OSError, ValueError):
        return None


MOST_SECONDS = 30.0
"""That count between two looks: a driver that was itself stopped blames no trial."""


class Listener:
    """Knows which trials have given no sign of life for too long.

    A sign is anything that changes when a trial reports or beats. Clocks of other machines do not
    matter, for only the time between two looks counts.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to listen; ``patience`` is in seconds."""
        self.patience = patience
        self._clock, self._looked = clock, clock()
        self._signs: dict[str, object] = {}
        self._silence: dict[str, float] = {}

    def silent(self, signs: Mapping[str, object]) -> list[str]:
        """Return which of the running trials, with their latest signs, have been silent too long.

        They are given as much time again before they are returned once more.
        """
        now = self._clock()
        passed, self._looked = min(now - self._looked, MOST_SECONDS), now
        self._silence = {
            trial: self._silence[trial] + passed if self._signs.get(trial) == sign else 0.0
            for trial, sign in signs.items()
        }
        self._signs = dict(signs)
        found = [trial for trial, seconds in self._silence.items() if seconds >= self.patience]
        self._silence.update(dict.fromkeys(found, 0.0))
        return found
