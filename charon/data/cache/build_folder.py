"""A folder to build in, locked to one process, and removed after a failure."""

import fcntl
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOG = logging.getLogger(__name__)
_PREFIX = ".preparing-"
_LOCK = "lock"

# A POSIX record lock keeps processes apart, not the threads of one process.
_one_thread = threading.Lock()


@contextmanager
def build_folder(final: Path) -> Iterator[Path | None]:
    """Yield an empty sibling of ``final`` to build in, or None where ``final`` exists.

    The caller renames the folder to ``final`` when it is complete; otherwise it is removed on
    leaving. While another process builds the same ``final``, this one waits for it, and starts
    afresh if that process dies. Folders of other builds whose process is gone are removed first.
    """
    if final.exists():
        # Before anything is written: the parent may be read-only.
        yield None
        return
    with _one_thread:
        final.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(final.parent)
        folder = final.with_name(f"{_PREFIX}{final.name}")
        lock = _acquire(folder, final)
        if lock is None:
            yield None
            return
        try:
            for path in folder.iterdir():
                if path.name != _LOCK:
                    path.unlink()
            yield folder
            (final / _LOCK).unlink(missing_ok=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def remove_leftovers(parent: Path) -> None:
    """Remove what killed builds and interrupted deletions left in ``parent``."""
    for folder in parent.glob(f"{_PREFIX}*"):
        lock = None
        # What cannot be locked belongs to another user.
        with suppress(OSError):
            lock = _try_lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
    for folder in parent.glob(".removing-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _acquire(folder: Path, final: Path) -> int | None:
    """Wait for the right to build in ``folder``; None if ``final`` appears meanwhile."""
    told = False
    while not final.exists():
        folder.mkdir(exist_ok=True)
        lock = _try_lock(folder)
        if lock is None:
            if not told:
                _LOG.warning("Another process is preparing %s; waiting for it.", final)
            told = True
            time.sleep(0.1)
        elif not final.exists():
            return lock
        else:  # the former owner finished between the two looks
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
    return None


def _try_lock(folder: Path) -> int | None:
    """Return a locked descriptor of the folder's lock file, or None if another holds it."""
    path = folder / _LOCK
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:
        return None
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The former owner may have renamed or removed the folder since the file was opened.
        if path.stat().st_ino == os.fstat(lock).st_ino:
            return lock
    except (BlockingIOError, PermissionError, FileNotFoundError):
        pass
    except OSError:
        os.close(lock)
        raise
    os.close(lock)
    return None
