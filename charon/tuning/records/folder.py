"""The folder of results: its lock, checks before work starts, messages when it is unwritable."""

import errno
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from charon.errors import CharonError
from charon.files import is_full
from charon.text import byte_size


class ResultsError(CharonError):
    """The results cannot be written, or hold something that must not be overwritten."""


def writable_folder(folder: Path, *, need_bytes: int = 0, make: bool = True) -> Path:
    """Make a folder, check that it is writable and has room, and return its absolute path.

    Without ``make`` the folder is checked in which it would be made.

    Raises:
        ResultsError: the folder cannot be made or written, or too little space is left.
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
    """Write and remove a file in ``folder``, or in its lowest parent that exists; return which.

    Raises:
        OSError: the folder cannot be written.
    """
    existing = _existing(folder)
    with tempfile.NamedTemporaryFile(prefix=".probe.", dir=existing) as probe:
        probe.write(b"charon" * 1000)
    return existing


def describe_write_error(folder: Path, error: OSError) -> str:
    """Say in a sentence why ``folder`` cannot be written, and what to do."""
    if is_full(error):
        return f"{folder}: the disk is full; make room, then run again with --resume."
    return (
        f"{folder} cannot be written: {why_unwritable(folder, error)}; "
        "choose another folder with --results DIR."
    )


def why_unwritable(path: Path, error: OSError) -> str:
    """Say in a clause why ``path`` could not be written."""
    existing = _existing(path)
    if existing == path or not existing.is_dir():
        return f"{existing} is no folder" if existing.is_file() else error.strerror or str(error)
    # That it does not exist is said anyway.
    more = "" if error.errno == errno.ENOENT else f" ({error.strerror or error})"
    return f"it does not exist and cannot be made in {existing}{more}"


def _existing(path: Path) -> Path:
    """Return ``path``, or its lowest parent that exists."""
    # Path.exists would raise below a folder without permission.
    return next(place for place in (path, *path.parents) if os.path.exists(place))  # noqa: PTH110


def lock_folder(folder: Path) -> None:
    """Lock a study's ``folder`` for this process until it ends, however it ends.

    The lock is a hidden file beside the folder, which may be moved aside. It is never removed:
    otherwise one process could hold the removed file and another a new one. It is never closed:
    the kernel frees it with the process, and processes started by it do not inherit it. Where
    files cannot be locked, as on some network folders, the study runs without.

    Raises:
        ResultsError: another process holds the lock, or the disk is full.
    """
    path = folder.with_name(f".{folder.name}.lock")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except PermissionError:  # of another user, who may be at work on the study
            lock = os.open(path, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise ResultsError(
            f"{folder}: another process is at work on this study; wait until it has ended, end it "
            "with Ctrl-C, or start another study with --results DIR."
        ) from error
    except OSError as error:
        if is_full(error):
            raise ResultsError(describe_write_error(folder, error)) from error
