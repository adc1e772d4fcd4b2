"""Numbers of a command line, checked as argparse reads them."""

import argparse
import math
from collections.abc import Callable
from contextlib import suppress


def whole_number(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers that refuses all below ``least``."""

    def read(text: str) -> int:
        with suppress(ValueError):
            if int(text) >= least:
                return int(text)
        raise argparse.ArgumentTypeError(
            f"must be a whole number of at least {least}, but got {text!r}"
        )

    return read


def positive(text: str) -> float:
    """Read a finite number above 0."""
    value = real(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be above 0, but got {text}")
    return value


def real(text: str) -> float:
    """Read a number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, but got {text!r}") from None
