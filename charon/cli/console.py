"""A command and its user: JSON for scripts, progress on standard error, Ctrl-C."""

import argparse
import json
import math
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from charon.text import clock

SECONDS_BETWEEN_LINES = 10.0  # of progress, where there is no terminal
INTERRUPTED = 130  # the exit status after Ctrl-C, as shells have it


def add_json_argument(parser: argparse.ArgumentParser, what: str = "print JSON") -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help=f"{what}, for scripts")


def print_json(content: Any) -> None:
    """Print plain values, or numpy's, as JSON."""
    print(json.dumps(_plain(content), indent=1, allow_nan=False), flush=True)


def print_json_line(content: Any) -> None:
    """Print plain values as JSON in a line of its own."""
    print(json.dumps(_plain(content), allow_nan=False), flush=True)


def _plain(content: Any) -> Any:
    """Return plain values; a number that is not finite, which JSON lacks, is None."""
    if isinstance(content, Mapping):
        return {name: _plain(value) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_plain(value) for value in content]
    value = content.item() if hasattr(content, "item") else content
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Status:
    """A line of progress on standard error.

    On a terminal it is rewritten; elsewhere a new line is written every ten seconds.
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._shown = ""
        self._last = time.monotonic()

    def show(self, text: str) -> None:
        """Put the text into the line."""
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
    """Shows how many clips are done, clips a second, and the time left.

    ``what`` names the work: ``"Preparing ntu.zip"``. The clock starts at once.
    """

    def __init__(self, what: str) -> None:
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


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Raise KeyboardInterrupt at Ctrl-C, and again whenever the function it yields is called.

    A library may swallow the first: an import in the middle of a step does.
    """
    asked = False

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    def check() -> None:
        if asked:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
