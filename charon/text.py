"""Numbers and errors as sentences have them."""

from collections.abc import Sequence


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
