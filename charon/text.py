"""Numbers, durations, sizes, errors and commands as text for people."""

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


def tool(name: str) -> str:
    """Return how to call a command of this environment: by name if PATH has it, else by path."""
    path = Path(sys.executable).parent / name
    on_path = shutil.which(name)
    return name if on_path and Path(on_path).resolve() == path.resolve() else str(path)


def folder_name(text: str) -> str:
    """Return a trial's name as a folder's name."""
    return "".join(c if c.isalnum() or c in "._-=" else "_" for c in text)
