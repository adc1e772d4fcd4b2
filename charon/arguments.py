"""Words of a command line: numbers, checked as argparse reads them, and paths."""

import argparse
import difflib
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from charon.errors import ConfigError
from charon.text import printable, shown


class Parser(argparse.ArgumentParser):
    """Names the option that may be meant by one that there is not."""

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """End with the words that no option takes, if there are any."""
        if words:
            given = words[0].partition("=")[0]
            close = difflib.get_close_matches(given, self._option_string_actions, n=1)
            meant = f" (did you mean {close[0]}?)" if close else ""
            self.error(f"unrecognized arguments: {' '.join(words)}{meant}")


def check_paths(words: Iterable[str | Path]) -> None:
    """Raise a ConfigError for a word that is not UTF-8, or a working folder that is none or gone.

    Files that describe a run, and MLflow, could not hold it.
    """
    try:
        here = Path.cwd()
    except OSError as error:
        raise ConfigError(
            f"The working folder is gone ({error.strerror or error}); change to another."
        ) from error
    for word in map(str, [*words, here]):
        try:
            word.encode()
        except UnicodeEncodeError:
            raise ConfigError(
                f"{printable(word)} is not UTF-8, in which paths are written down; rename it, or "
                "give another."
            ) from None


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
