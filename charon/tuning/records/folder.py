"""The folder of results: checked before work starts, explained when it cannot be written."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from charon.errors import CharonError
from charon.files import is_full
from charon.text import byte_size

ENOUGH_BYTES = 1_000_000
"""Less free space than this is a full disk."""


class ResultsError(CharonError):
    """The results cannot be written, or hold something that must not be overwritten."""


def writable_folder(folder: Path, *, need_bytes: int = 0, make: bool = True) -> Path:
    """Make a folder, check that it can be written and has room, and return it absolute.

    Args:
        folder: the folder; its parents are made too.
        need_bytes: free space asked for.
        make: if False, nothing is made: the folder it would lie in is checked.

    Raises:
        ResultsError: it cannot be made or written, or too little space is left.
    """
    folder = folder.expanduser().absolute()
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(try_writing(folder)).free
    except OSError as error:
        raise ResultsError(describe_write_error(folder, error)) from error
    if free < need_bytes:
        raise ResultsError(
            f"{folder}: only {byte_size(free, 3)} are free and about {byte_size(need_bytes, 3)} "
            "are needed; make room, or choose another folder with --results DIR."
        )
    return folder


def try_writing(folder: Path) -> Path:
    """Write a file into a folder, or into the one it would lie in, and remove it again.

    Returns:
        The folder that was written to.

    Raises:
        OSError: it cannot be written.
    """
    there = _existing(folder)
    probe = there / f".probe.{os.getpid()}"
    try:
        probe.write_bytes(b"charon" * 1000)
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return there


def check_room(folder: Path) -> None:
    """Check that something can still be written.

    Raises:
        OSError: the disk is full.
    """
    if shutil.disk_usage(folder).free < ENOUGH_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def describe_write_error(folder: Path, error: OSError) -> str:
    """Say in one sentence why ``folder`` could not be written, and what to do."""
    if is_full(error):
        return f"{folder}: the disk is full; make room, then run again with --resume."
    return (
        f"{folder} cannot be written: {why_unwritable(folder, error)}; "
        "choose another folder with --results DIR."
    )


def why_unwritable(path: Path, error: OSError) -> str:
    """Say in a clause why ``path`` could not be written."""
    there = _existing(path)
    if there == path or not there.is_dir():
        return f"{there} is no folder" if there.is_file() else error.strerror or str(error)
    # That it does not exist is said already.
    more = "" if error.errno == errno.ENOENT else f" ({error.strerror or error})"
    return f"it does not exist and cannot be made in {there}{more}"


def _existing(path: Path) -> Path:
    """Return ``path``, or the lowest of the folders above it that exists."""
    # Path.exists would raise where it may not look.
    return next(place for place in (path, *path.parents) if os.path.exists(place))  # noqa: PTH110


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path`` (made if missing) for the duration of the block."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
