"""One process at a time works on a study; what two of them write no one could read."""

import fcntl
import os
from pathlib import Path

from charon.tuning.records.folder import ResultsError


def work_alone(folder: Path) -> None:
    """Keep a study's ``folder`` for this process until it ends, however it ends.

    The lock is a hidden file beside the folder, which may itself be moved aside. The file stays:
    were it removed, one process could hold the removed file and another a new one. It is never
    closed, so the kernel frees it with the process; those that the process starts do not inherit
    it. Where files cannot be locked, as on some network folders, the study goes on without.

    Raises:
        ResultsError: another process has it.
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
