"""Progress and notes on standard error while a command works."""

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from charon.text import clock, counted

SECONDS_BETWEEN_LINES = 10.0
"""Between two lines of progress where there is no terminal."""

MOST_UNREADABLE = 20
"""Unreadable clips that are listed with their reasons."""


class Status:
    """A line of progress on standard error.

    On a terminal it is rewritten; elsewhere a new line is written every ten seconds.
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._shown = ""
        self._last = time.monotonic()

    def show(self, text: str) -> None:
        """Show the progress."""
        if self._is_terminal:
            text = text[: shutil.get_terminal_size().columns - 1]
            print(f"\r{text:<{len(self._shown)}}", end="", file=sys.stderr, flush=True)
            self._shown = text
        elif time.monotonic() - self._last >= SECONDS_BETWEEN_LINES:
            print(text, file=sys.stderr, flush=True)
            self._last = time.monotonic()

    def clear(self) -> None:
        """Remove the line before other output."""
        if self._shown:
            print(f"\r{'':<{len(self._shown)}}\r", end="", file=sys.stderr, flush=True)
            self._shown = ""


class ClipProgress:
    """Shows how many clips are done, clips a second, and the time left."""

    def __init__(self, what: str) -> None:
        """Start the clock; ``what`` names the work, e.g. ``"Preparing ntu.zip"``."""
        self._what = what
        self._status = Status()
        self._started = time.monotonic()
        self.seconds: float | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show the progress; the line goes when all clips are done."""
        self.seconds = time.monotonic() - self._started
        if done == total:
            self._status.clear()
            return
        speed = done / self.seconds if self.seconds > 0 else 0.0
        rest = f", {speed:,.0f} clips/s, {clock((total - done) / speed)} left" if speed else ""
        self._status.show(f"{self._what}: {done:,}/{total:,} clips{rest}")


def tell_unreadable(
    unreadable: Sequence[tuple[str, str]], archive: Path | None, most: int = MOST_UNREADABLE
) -> None:
    """List on standard error the clips that were left out, the first ``most`` with reasons.

    Args:
        unreadable: (name, reason).
        archive: the prepared set that keeps the whole list; None where none is kept.
        most: clips to list.
    """
    if not unreadable:
        return
    are = "is" if len(unreadable) == 1 else "are"
    print(f"{counted(len(unreadable), 'clip')} cannot be read and {are} left out:", file=sys.stderr)
    for name, reason in unreadable[:most]:
        print(f"  {name}: {reason}", file=sys.stderr)
    if len(unreadable) > most:
        where = f"; all: charon cache show {archive.name}" if archive is not None else ""
        print(f"  and {len(unreadable) - most:,} more{where}", file=sys.stderr)
