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
        self._source = source
        self._rows: list[tuple[Any, ...]] = []
        self._names: list[str] = []
        self._present: list[NDArray[np.bool_]] = []
        self._digests: list[bytes] = []
        self._num_frames = 0
        self.unreadable: list[tuple[str, str]] = []

    @property
    def num_clips(self) -> int:
        """Clips added so far."""
        return len(self._names)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The labels of the clips added so far."""
        return np.array([row[0] for row in self._rows], np.int64)

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
        self._digests.append(self._digest(clip, x, ids, in_train))

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
            np.savez(file, allow_pickle=False, **self._columns())
            _flush(file)
        about = {
            "version": VERSION,
            "description": asdict(self._description),
            "source": self._source,
            "fingerprint": self._fingerprint(),
            "unreadable": self.unreadable,
        }
        with (self._folder / ABOUT).open("wb") as file:
            file.write(json.dumps(about, indent=1, ensure_ascii=False).encode())
            _flush(file)

    @property
    def _frame_shape(self) -> tuple[int, int, int]:
        about = self._description
        return about.num_bodies, about.num_joints, about.num_channels

    def _write_header(self) -> None:
        # numpy pads the header so that a longer first axis fits into the same bytes.
        shape = (self._num_frames, *self._frame_shape)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def _columns(self) -> dict[str, NDArray[Any]]:
        num_bodies = self._description.num_bodies
        columns: dict[str, NDArray[Any]] = {
            "names": np.array(self._names, dtype=np.str_),
            "present": np.array(self._present, np.bool_).reshape(-1, num_bodies),
        }
        for index, (name, dtype) in enumerate(COLUMNS.items()):
            columns[name] = np.array([row[index] for row in self._rows], dtype)
        return columns

    def _digest(
        self, clip: SourceClip, x: NDArray[np.float32], ids: tuple[int, ...], in_train: int
    ) -> bytes:
        # NTU's protocols follow from its ids: there, a file's own split adds nothing, and the
        # same clips have the same fingerprint whichever file they come from.
        if self._description.is_ntu and clip.subject > 0:
            in_train = -1
        digest = hashlib.blake2b(repr((clip.name, ids, in_train, x.shape)).encode(), digest_size=16)
        digest.update(x.data)
        return digest.digest()

    def _fingerprint(self) -> str:
        about = self._description
        digest = hashlib.blake2b(repr((VERSION, about.class_names)).encode(), digest_size=16)
        for clip in sorted(self._digests):
            digest.update(clip)
        return digest.hexdigest()


def _flush(file: IO[bytes]) -> None:
    """Bring a file to the disk, so that a rename never outlives what it names."""
    file.flush()
    os.fsync(file.fileno())
