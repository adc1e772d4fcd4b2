"""Numbers, errors and commands as sentences have them."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``"1 trial"``, ``"2 trials"``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def seeds_text(seeds: Sequence[int]) -> str:
    """Return seeds by name: ``"seed 1"``, ``"seeds 1, 2"``."""
    noun = "seed" if len(seeds) == 1 else "seeds"
    return f"{noun} {', '.join(map(str, seeds))}"


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, without its full stop; of none, its name."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def tool(name: str) -> str:
    """Return how to call a command of this environment: by name if PATH has it, else by path."""
    path = Path(sys.executable).parent / name
    on_path = shutil.which(name)
    return name if on_path and Path(on_path).resolve() == path.resolve() else str(path)
