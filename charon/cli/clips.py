"""The clips a command works on: where the cache is, clips prepared into it or opened from it."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from charon.cli.console import ClipProgress
from charon.data.cache.archive import Archive, default_cache_dir
from charon.data.formats.skeleton_folder import Unlabelled
from charon.data.prepare import open_source, prepare_source
from charon.data.source import Reading, Source
from charon.errors import DataError
from charon.text import counted

STANDIN_NOTE = "the synthetic stand-in: its numbers are not comparable with published ones"


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
    return default_cache_dir() if options.cache is None else Path(options.cache).expanduser()


@contextmanager
def opened(
    options: argparse.Namespace,
    needs_no_labels: Callable[[Path], bool],
    clip_shape: tuple[int, int, int, int] | None = None,
    reading: Reading | None = None,
    *,
    keep_gaps: bool = False,
) -> Iterator[Archive]:
    """Open the clips of PATH from the cache or, without labels, prepare them for this command.

    Of the latter nothing is left behind; they lie in ``--cache`` or else in the system's
    temporary folder, prepared with ``keep_gaps``. ``clip_shape`` is (channel, frame, joint, body)
    of the clips that ``options.model`` takes; ``reading`` is for clips with labels.

    Raises:
        DataError: the clips cannot be used, or do not fit the model.
    """
    path, place = options.path, Path(options.path).expanduser()
    unlabelled = Unlabelled(place, keep_gaps=keep_gaps) if needs_no_labels(place) else None
    source: Source = open_source(path, reading) if unlabelled is None else unlabelled
    if clip_shape is not None:
        about = source.description
        channels, _, joints, bodies = clip_shape
        if (about.num_channels, about.num_joints, about.num_bodies) != (channels, joints, bodies):
            raise DataError(
                f"{options.path} has clips of joints x coordinates x bodies = "
                f"{about.num_joints} x {about.num_channels} x {about.num_bodies}, but the model in "
                f"{options.model} takes {joints} x {channels} x {bodies}; use clips of that kind, "
                "or a model that learned this kind."
            )
    if unlabelled is None:
        yield open_clips(source, path, cache_dir(options))
        return
    if options.cache is not None:
        cache_dir(options).mkdir(parents=True, exist_ok=True)
    above = options.cache and cache_dir(options)
    with TemporaryDirectory(prefix="charon-", dir=above) as folder:
        yield open_clips(source, path, Path(folder), is_kept=False)


def open_clips(source: Source, path: str, cache: Path, *, is_kept: bool = True) -> Archive:
    """Return the prepared set of a source, with progress and what is wrong with its clips told."""
    archive = prepare_source(source, path, cache, on_progress=ClipProgress(f"Preparing {path}"))
    tell_problems(archive, is_kept=is_kept)
    return archive


def tell_problems(archive: Archive, *, is_kept: bool = True) -> None:
    """Say on standard error what was converted, left out, and whether second bodies were copies.

    Of a set that is kept, the first clips left out are listed, else all of them.
    """
    for note in archive.notes:
        print(f"{archive.source}: {note}.", file=sys.stderr)
    clips = archive.unreadable
    most = 20 if is_kept else len(clips)
    if clips:
        are = "is" if len(clips) == 1 else "are"
        print(f"{counted(len(clips), 'clip')} cannot be read and {are} left out:", file=sys.stderr)
    for name, reason in clips[:most]:
        print(f"  {name}: {reason}", file=sys.stderr)
    if len(clips) > most:
        all_of_them = f"all: charon cache show {archive.path.name}"
        print(f"  and {len(clips) - most:,} more; {all_of_them}", file=sys.stderr)
    copies = int(archive.duplicated.sum())
    if copies:
        print(
            f"In {copies:,} of {archive.num_clips:,} clips the second body is a copy of the first; "
            "it counts as absent (data.duplicate_bodies=keep puts it back).",
            file=sys.stderr,
        )
