"""The options that several commands share, and what their values mean."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charon.data.cache.archive import default_cache_dir
from charon.errors import CharonError


def add_cache_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--cache DIR``."""
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="where prepared sets are kept ($XDG_CACHE_HOME/charon, by default ~/.cache/charon)",
    )


def cache_dir(options: argparse.Namespace) -> Path:
    """Return the folder of prepared sets that the user chose, or the default."""
    chosen: Path | None = options.cache
    return default_cache_dir() if chosen is None else chosen.expanduser()


@contextmanager
def writing_output(path: Path) -> Iterator[Path]:
    """Yield where ``--output`` lies.

    Raises:
        CharonError: the block could not write there.
    """
    try:
        yield path.expanduser()
    except OSError as error:
        raise CharonError(
            f"{path} cannot be written ({error.strerror or error}); choose another --output."
        ) from error
