"""The clips a command works on: prepared with progress, or opened from the cache."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from charon.cli.console import ClipProgress, tell_unreadable
from charon.cli.options import cache_dir
from charon.data.cache.archive import Archive
from charon.data.formats.unlabelled import Unlabelled
from charon.data.prepare import prepare_source
from charon.data.source import Source

STANDIN_NOTE = "the synthetic stand-in: its numbers are not comparable with published ones"


def opened(
    source: Source, path: str, options: argparse.Namespace
) -> AbstractContextManager[Archive]:
    """Open clips from the cache or, where they need no labels, prepare them for this command."""
    if isinstance(source, Unlabelled):
        return open_once(source, path, options.cache)
    return nullcontext(open_clips(source, path, cache_dir(options)))


def open_clips(source: Source, path: str, cache: Path) -> Archive:
    """Return the prepared set of a source, with progress and the unreadable clips told.

    Raises:
        DataError: see :func:`charon.data.prepare.prepare`.
    """
    archive = prepare_source(source, path, cache, on_progress=ClipProgress(f"Preparing {path}"))
    tell_unreadable(archive.unreadable, archive.path)
    tell_duplicated(archive)
    return archive


@contextmanager
def open_once(source: Source, path: str, cache: Path | None) -> Iterator[Archive]:
    """Prepare clips for this command alone; nothing is left in the cache.

    Args:
        source: the clips.
        path: what the user calls them.
        cache: the folder in which to make a temporary one; the system's if None.
    """
    if cache is not None:
        cache = cache.expanduser()
        cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="charon-", dir=cache) as folder:
        progress = ClipProgress(f"Preparing {path}")
        archive = prepare_source(source, path, Path(folder), on_progress=progress)
        tell_unreadable(archive.unreadable, None, most=len(archive.unreadable))
        yield archive


def tell_duplicated(archive: Archive) -> None:
    """Say on standard error that second bodies were copies, if any were."""
    copies = int(archive.duplicated.sum())
    if copies:
        print(
            f"In {copies:,} of {archive.num_clips:,} clips the second body is a copy of the first; "
            "it counts as absent (data.duplicate_bodies=keep puts it back).",
            file=sys.stderr,
        )
