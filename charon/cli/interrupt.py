"""Ctrl-C that cannot get lost."""

import signal
from types import FrameType
from typing import Self

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""


class Interrupt:
    """Raises KeyboardInterrupt at once, and again at :meth:`check`.

    A library may swallow the first: an import in the middle of a step does.
    """

    def __init__(self) -> None:
        self._was_asked = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self._was_asked = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt if it was asked for."""
        if self._was_asked:
            raise KeyboardInterrupt
