"""Lock a study's folder to one process."""

import fcntl
import os
from pathlib import Path

from charon.tuning.records.folder import ResultsError


def lock_folder(folder: Path) -> None:
    """Lock a study's ``folder`` for this process until it ends, however it ends.

    The lock is a hidden file beside the folder, which may be moved aside. It is never removed:
    otherwise one process could hold the removed file and another a new one. It is never closed:
    the kernel frees it with the process, and processes started by it do not inherit it. Where
    files cannot be locked, as on some network folders, the study runs without.

    Raises:
        ResultsError: another process holds the lock.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder.with_name(f".{folder.name}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise ResultsError(
            f"{folder}: another process is at work on this study; wait until it has ended, end it "
            "with Ctrl-C, or start another study with --results DIR."
        ) from error
    except OSError:
        return
