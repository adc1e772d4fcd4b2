"""Numbers, durations, sizes, errors and commands as text for people."""

import reprlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``"1 trial"``, ``"2,880 clips"``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def seeds_text(seeds: Sequence[int]) -> str:
    """Return seeds by name: ``"seed 1"``, ``"seeds 1, 2"``."""
    noun = "seed" if len(seeds) == 1 else "seeds"
    return f"{noun} {', '.join(map(str, seeds))}"


def clock(seconds: float) -> str:
    """Return a measured duration as ``1.2 s``, ``m:ss`` or ``h:mm:ss``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def duration(seconds: float) -> str:
    """Return an estimated duration in its usual unit: ``40 s``, ``10 min``, ``3.1 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def byte_size(num_bytes: float, digits: int = 4) -> str:
    """Return a number of bytes in decimal units, to at least three digits: ``1.5 MB``."""
    for unit in ("B", "kB", "MB"):
        if num_bytes < 1000:
            return f"{num_bytes:.{digits}g} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.{digits}g} GB"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message without its full stop, or else its class."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def shown(value: object, *, quoted: bool = True) -> str:
    """Return a value of any size and depth as a line that fits into a sentence."""
    if isinstance(value, int) and abs(value) >= 10**40:
        return "a whole number of more than 40 digits"
    if isinstance(value, str) and not quoted:
        value = printable(value)
        return value if len(value) <= 60 else f"{value[:57]}..."
    return printable(_SHORT.repr(value))


def printable(text: str) -> str:
    """Return text without what would move a terminal's cursor or cannot be encoded."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


class _Short(reprlib.Repr):
    """Python's notation of values, of which the inner and the long are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60
        self.maxlevel = 2

    def repr_int(self, value: int, level: int) -> str:
        """Return a whole number, which Python refuses to write where it is too long."""
        return "..." if abs(value) >= 10**40 else repr(value)


_SHORT = _Short()


def tool(name: str) -> str:
    """Return how to call a command of this environment: by name if PATH has it, else by path."""
    path = Path(sys.executable).parent / name
    on_path = shutil.which(name)
    return name if on_path and Path(on_path).resolve() == path.resolve() else str(path)


def folder_name(text: str) -> str:
    """Return a trial's name as a folder's name."""
    return "".join(c if c.isalnum() or c in "._-=" else "_" for c in text)
