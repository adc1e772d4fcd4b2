"""Writing of prepared sets: a folder to build in, locked to one process, and its files."""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from charon.data.cache.archive import ABOUT, CLIPS, COLUMNS, FRAMES, VERSION
from charon.data.source import Description, SourceClip, Unreadable
from charon.errors import DataError

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
        _remove_lock(final)
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
            _remove_lock(final)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _remove_lock(final: Path) -> None:
    """Remove the lock that came with a complete folder, where it can be; it does no harm."""
    with suppress(OSError):
        (final / _LOCK).unlink(missing_ok=True)


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


def write_archive(
    folder: Path,
    description: Description,
    source: str,
    clips: Iterable[SourceClip | Unreadable],
    notes: Callable[[], Sequence[str]] = tuple,
) -> None:
    """Write clips into an existing folder: all files are on the disk when this returns.

    ``source`` says where the clips come from, and ``notes``, asked after the last clip, how they
    were converted, for people to read.

    Raises:
        DataError: two clips have the same name.
    """
    frame_shape = description.frame_shape
    rows: list[tuple[Any, ...]] = []
    names: list[str] = []
    present = [np.empty((0, description.num_bodies), np.bool_)]
    digests: list[bytes] = []
    unreadable: list[tuple[str, str]] = []
    num_frames = 0
    with (folder / FRAMES).open("wb") as file:
        _write_header(file, (0, *frame_shape))
        for clip in clips:
            if isinstance(clip, Unreadable):
                unreadable.append((clip.name, clip.reason))
                continue
            x = np.ascontiguousarray(clip.x, dtype="<f4")
            assert x.shape == (max(len(x), 1), *frame_shape), (clip.name, x.shape)
            file.write(x.data)
            row, digest = _row_and_digest(clip, x, num_frames, is_ntu=description.is_ntu)
            rows.append(row)
            digests.append(digest)
            names.append(clip.name)
            present.append(np.any(x, axis=(0, 2, 3), keepdims=True)[:, :, 0, 0])
            num_frames += len(x)
        file.seek(0)
        _write_header(file, (num_frames, *frame_shape))
        _flush(file)
    if len(set(names)) < len(names):
        name, count = Counter(names).most_common(1)[0]
        raise DataError(f"{source}: clip {name} is there {count} times; keep one.")
    with (folder / CLIPS).open("wb") as file:
        table = np.array(rows, list(COLUMNS.items()))
        columns = {"names": np.array(names, dtype=np.str_), "present": np.concatenate(present)}
        columns |= {name: np.ascontiguousarray(table[name]) for name in COLUMNS}
        np.savez(file, allow_pickle=False, **columns)
        _flush(file)
    _write_about(folder, description, source, digests, unreadable, notes())


def _row_and_digest(
    clip: SourceClip, x: NDArray[np.float32], start: int, *, is_ntu: bool
) -> tuple[tuple[Any, ...], bytes]:
    in_train = -1 if clip.in_train is None else int(clip.in_train)
    ids = (clip.label, clip.subject, clip.camera, clip.setup, clip.replication)
    row = (*ids, start, len(x), clip.duplicated, in_train)
    # NTU's protocols follow from its ids: there, a file's own split adds nothing, and the
    # same clips have the same fingerprint whichever file they come from.
    if is_ntu and clip.subject > 0:
        in_train = -1
    digest = hashlib.blake2b(repr((clip.name, ids, in_train, x.shape)).encode(), digest_size=16)
    digest.update(x.data)
    return row, digest.digest()


def _write_about(
    folder: Path,
    description: Description,
    source: str,
    digests: list[bytes],
    unreadable: list[tuple[str, str]],
    notes: Sequence[str],
) -> None:
    fingerprinted = repr((VERSION, description.class_names)).encode() + b"".join(sorted(digests))
    about = {
        "version": VERSION,
        "description": asdict(description),
        "source": source,
        "fingerprint": hashlib.blake2b(fingerprinted, digest_size=16).hexdigest(),
        "unreadable": unreadable,
        "notes": list(notes),
    }
    with (folder / ABOUT).open("wb") as file:
        file.write(json.dumps(about, indent=1, ensure_ascii=False).encode())
        _flush(file)


def _write_header(file: IO[bytes], shape: tuple[int, ...]) -> None:
    # numpy pads the header so that a longer first axis fits into the same bytes.
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _flush(file: IO[bytes]) -> None:
    """Bring a file to the disk, so that a rename never outlives what it names."""
    file.flush()
    os.fsync(file.fileno())
