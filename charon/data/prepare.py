"""Prepare a set: choose the source that a path names, read it once, cache it."""

import hashlib
import os
import re
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import fields
from pathlib import Path

from charon.data import ntu
from charon.data.cache.archive import VERSION, Archive
from charon.data.cache.writer import build_folder, write_archive
from charon.data.formats import FORMATS, format_named, format_of, known_formats
from charon.data.source import Reading, Source, SourceClip, Unreadable
from charon.errors import DataError
from charon.files import writing_to


def open_source(path: str, reading: Reading | None = None) -> Source:
    """Return the source that ``path`` names: a file, a folder, or a name of a format.

    Raises:
        DataError: there is no such source, its file cannot be used, or ``reading`` asks for what
            its format does not know.
    """
    reading = reading or Reading()
    place = Path(path)
    form = format_named(path)
    if form is None:
        place = _place(path)
        try:
            place.stat()
        except (FileNotFoundError, NotADirectoryError, ValueError) as error:
            raise DataError(f"{place} does not exist; give {known_formats()}.") from error
        except OSError as error:
            raise DataError(f"{place} cannot be read: {error.strerror}.") from error
        form = format_of(place)
    if form is None:
        raise DataError(f"{place} is of no known kind; give {known_formats()}.")
    # Every file may be told its protocol, which says how it is split, too.
    for option in (
        each for each in fields(Reading) if each.name not in ("benchmark", *form.options)
    ):
        if getattr(reading, option.name) != option.default:
            kinds = [each.takes for each in FORMATS.values() if option.name in each.options]
            raise DataError(
                f"data.{option.name} acts on {' or '.join(kinds)}, and {place} is none; leave it "
                "out."
            )
    return form.open(place, **{option: getattr(reading, option) for option in form.options})


def from_anywhere(path: str) -> str:
    """Return ``path`` as an absolute path, unless it names no file or folder."""
    if format_named(path) or not is_there(path):
        return path
    return str(_place(path).resolve())


def is_there(path: str) -> bool:
    """Return whether ``path`` is a name of a format, or a file or folder that can be seen."""
    # Path.exists would raise below a folder that may not be entered.
    return format_named(path) is not None or os.path.exists(_place(path))  # noqa: PTH110


def _place(path: str) -> Path:
    """Expand ``~``; that of an unknown user stays."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser would raise


def prepare(
    path: str,
    cache_dir: Path,
    *,
    workers: int | None = None,
    reading: Reading | None = None,
    strict: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Archive:
    """Return the prepared set of ``path``: from the cache, or read now and cached.

    Clips that cannot be read are listed in the archive and skipped; ``strict`` refuses a set
    that has any. Processes that prepare the same set at the same time do the work once.

    ``path`` and ``reading`` are those of :func:`open_source`. ``cache_dir``, the folder of all
    prepared sets, is created if it does not exist. ``workers`` processes read, one a core if
    None. ``on_progress`` is called with (clips done, clips in all) about ten times a second.

    Raises:
        DataError: the source cannot be used; no clip of it, or of a class, can be
            read; or the cache cannot be written. Nothing is left behind then.
    """
    source = open_source(path, reading)
    return prepare_source(
        source, path, cache_dir, workers=workers, strict=strict, on_progress=on_progress
    )


def prepare_source(
    source: Source,
    path: str,
    cache_dir: Path,
    *,
    workers: int | None = None,
    strict: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Archive:
    """Do what :func:`prepare` does for a source, which the user knows as ``path``."""
    key = hashlib.blake2b(f"{VERSION}\n{source.identity()}".encode(), digest_size=6).hexdigest()
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(path).expanduser().resolve().stem) or "root"
    final = cache_dir / f"{stem[:60]}-{key}"
    remedy = "choose another folder with --cache"
    with (
        writing_to(f"The cache folder {cache_dir}", remedy, DataError),
        build_folder(final) as folder,
    ):
        if folder is not None:
            with closing(_read_clips(path, source, workers, on_progress)) as clips:
                write_archive(folder, source.description, path, clips, source.notes)
        archive = Archive(folder or final)
        if strict and archive.unreadable:
            raise DataError(
                f"{path}: {len(archive.unreadable)} clips cannot be read, and strict reading was "
                f"asked for; the first is {': '.join(archive.unreadable[0])}"
            )
        if folder is not None:
            _check_readable(source, archive, path)
            folder.replace(final)
    return Archive(final)


def _read_clips(
    path: str,
    source: Source,
    workers: int | None,
    on_progress: Callable[[int, int], None] | None,
) -> Generator[SourceClip | Unreadable, None, None]:
    """Yield the clips, report progress, and tell errors of reading from those of writing."""
    total = len(source)
    reported = 0.0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        for done, clip in enumerate(source.clips(workers or cores or 1)):
            if on_progress is not None and time.monotonic() >= reported + 0.1:
                on_progress(done, total)
                reported = time.monotonic()
            yield clip
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if on_progress is not None:
        on_progress(total, total)


def _check_readable(source: Source, archive: Archive, path: str) -> None:
    """Refuse a set without clips, or with a class of which no clip could be read.

    A part of NTU RGB+D, whose clips tell their class by their names, need not have all classes.
    """
    if not archive.num_clips:
        reason = ": ".join(archive.unreadable[0]) if archive.unreadable else "it is empty."
        raise DataError(f"{path} has no clip that can be read: {reason}")
    names = source.description.class_names
    wanted = set() if source.description.is_ntu else set(range(len(names)))
    if source.description.is_ntu:
        for name, _ in archive.unreadable:
            with suppress(DataError):
                wanted.add(ntu.parse_name(Path(name).stem).label)
    empty = sorted(wanted - set(archive.label.tolist()))
    if empty:
        raise DataError(
            f"{path}: no clip of class {empty[0]} ({names[empty[0]]}) can be read"
            f"{f', nor of {len(empty) - 1} other classes' if len(empty) > 1 else ''}; "
            "replace its files or leave the class out."
        )
