"""The folder of results: checked before work starts, explained when it cannot be written."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from charon.errors import CharonError

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
    probe = folder / f".probe.{os.getpid()}"
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        else:
            there = next(path for path in (folder, *folder.parents) if path.exists())
            probe = there / probe.name
        probe.write_bytes(b"charon" * 1000)
        probe.unlink()
        free = shutil.disk_usage(probe.parent).free
    except OSError as error:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
        raise ResultsError(describe_write_error(folder, error)) from error
    if free < need_bytes:
        raise ResultsError(
            f"{folder}: only {free / 1e6:.0f} MB are free and about {need_bytes / 1e6:.0f} MB "
            "are needed; make room, or choose another folder with --results DIR."
        )
    return folder


def check_room(folder: Path) -> None:
    """Check that something can still be written.

    Raises:
        OSError: the disk is full.
    """
    if shutil.disk_usage(folder).free < ENOUGH_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def describe_write_error(folder: Path, error: OSError) -> str:
    """Say in one sentence why ``folder`` could not be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{folder}: the disk is full; make room, then run again with --resume."
    return (
        f"{folder}: cannot be written ({error.strerror or error}); "
        "choose another folder with --results DIR."
    )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path`` (made if missing) for the duration of the block."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
