"""Numbers of a command line, checked as argparse reads them."""

import argparse
import math
from collections.abc import Callable
from contextlib import suppress

from charon.text import shown


def whole_number(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers that refuses all below ``least``."""

    def read(text: str) -> int:
        with suppress(ValueError):
            if least <= int(text) < 2**63:
                return int(text)
        shorter = "" if len(text) < 19 else " and below 2**63"
        raise argparse.ArgumentTypeError(
            f"must be a whole number of at least {least}{shorter}, but got {shown(text)}"
        )

    return read


def positive(text: str) -> float:
    """Read a finite number above 0."""
    value = real(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be above 0, but got {shown(text, quoted=False)}")
    return value


def real(text: str) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, but got {shown(text)}") from None
