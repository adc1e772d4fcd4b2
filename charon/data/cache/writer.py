"""A writer of prepared sets: frames as they come, the rest at the end."""

import hashlib
import json
import os
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from charon.data.cache.archive import ABOUT, CLIPS, COLUMNS, FRAMES, VERSION
from charon.data.source import Description, SourceClip, Unreadable
from charon.errors import DataError


class ArchiveWriter:
    """Writes clips into an existing folder; a context manager.

    ``source`` says where the clips come from, for people to read.
    """

    def __init__(self, folder: Path, description: Description, source: str) -> None:
        self._folder = folder
        self._description = description
        self._frame_shape = description.num_bodies, description.num_joints, description.num_channels
        self._source = source
        self._rows: list[tuple[Any, ...]] = []
        self._names: list[str] = []
        self._present: list[NDArray[np.bool_]] = []
        self._digests: list[bytes] = []
        self._num_frames = 0
        self.unreadable: list[tuple[str, str]] = []

    @property
    def labels(self) -> list[int]:
        """The label of each clip added so far."""
        return [row[0] for row in self._rows]

    def __enter__(self) -> Self:
        self._file = (self._folder / FRAMES).open("wb")
        self._write_header()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Closing flushes, and fails again where writing has failed already.
        with suppress(OSError) if kind is not None else nullcontext():
            self._file.close()

    def add(self, clip: SourceClip | Unreadable) -> None:
        """Append a clip, or note that it could not be read."""
        if isinstance(clip, Unreadable):
            self.unreadable.append((clip.name, clip.reason))
            return
        x = np.ascontiguousarray(clip.x, dtype="<f4")
        assert x.shape == (max(len(x), 1), *self._frame_shape), (clip.name, x.shape)
        self._file.write(x.data)
        self._names.append(clip.name)
        self._present.append(np.asarray(x.any(axis=(0, 2, 3))))
        in_train = -1 if clip.in_train is None else int(clip.in_train)
        ids = (clip.label, clip.subject, clip.camera, clip.setup, clip.replication)
        self._rows.append((*ids, self._num_frames, len(x), clip.duplicated, in_train))
        self._num_frames += len(x)
        # NTU's protocols follow from its ids: there, a file's own split adds nothing, and the
        # same clips have the same fingerprint whichever file they come from.
        if self._description.is_ntu and clip.subject > 0:
            in_train = -1
        digest = hashlib.blake2b(repr((clip.name, ids, in_train, x.shape)).encode(), digest_size=16)
        digest.update(x.data)
        self._digests.append(digest.digest())

    def finish(self) -> None:
        """Complete the archive: all its files are on the disk when this returns.

        Raises:
            DataError: two clips have the same name.
        """
        if len(set(self._names)) < len(self._names):
            name, count = Counter(self._names).most_common(1)[0]
            raise DataError(f"{self._source}: clip {name} is there {count} times; keep one.")
        self._file.seek(0)
        self._write_header()
        _flush(self._file)
        with (self._folder / CLIPS).open("wb") as file:
            table = np.array(self._rows, list(COLUMNS.items()))
            columns = {name: np.ascontiguousarray(table[name]) for name in COLUMNS}
            present = np.array(self._present, np.bool_).reshape(-1, self._frame_shape[0])
            names = np.array(self._names, dtype=np.str_)
            np.savez(file, allow_pickle=False, names=names, present=present, **columns)
            _flush(file)
        head = repr((VERSION, self._description.class_names)).encode()
        fingerprinted = head + b"".join(sorted(self._digests))
        about = {
            "version": VERSION,
            "description": asdict(self._description),
            "source": self._source,
            "fingerprint": hashlib.blake2b(fingerprinted, digest_size=16).hexdigest(),
            "unreadable": self.unreadable,
        }
        with (self._folder / ABOUT).open("wb") as file:
            file.write(json.dumps(about, indent=1, ensure_ascii=False).encode())
            _flush(file)

    def _write_header(self) -> None:
        # numpy pads the header so that a longer first axis fits into the same bytes.
        shape = (self._num_frames, *self._frame_shape)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)


def _flush(file: IO[bytes]) -> None:
    """Bring a file to the disk, so that a rename never outlives what it names."""
    file.flush()
    os.fsync(file.fileno())
