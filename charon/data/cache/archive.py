"""The cache: prepared clips on disk, which every trial of a machine memory-maps.

An archive is a folder of three files. ``frames.npy`` holds the frames of all clips one after
the other, ``clips.npz`` a row for each clip, and ``archive.json`` what they have in common.
It is written in another folder and renamed when it is complete.
"""

import os
import shutil
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charon.data.source import Description
from charon.errors import DataError
from charon.files import read_json, reading_from
from charon.npz import NpzReader, map_npy
from charon.plain import conform
from charon.text import shown

VERSION = 2
"""Changes whenever prepared clips or their files change; it is a part of every cache's name."""

FRAMES, CLIPS, ABOUT = "frames.npy", "clips.npz", "archive.json"

COLUMNS: dict[str, type[np.generic]] = {
    "label": np.int64,
    "subject": np.int16,
    "camera": np.int16,
    "setup": np.int16,
    "replication": np.int16,
    "start": np.int64,
    "length": np.int64,
    "duplicated": np.bool_,
    "in_train": np.int8,
}
"""The columns of ``clips.npz`` with a number for each clip, and their types."""


@dataclass(frozen=True)
class _About:
    """``archive.json``."""

    version: int
    description: Description
    source: str
    fingerprint: str
    unreadable: list[tuple[str, str]]
    notes: list[str] = field(default_factory=list)  # earlier versions converted nothing


class Archive:
    """A complete set of prepared clips; cheap to open, pickled as its path.

    Raises:
        DataError: the folder has no archive, or it is damaged or of another format.
    """

    path: Path  # the folder
    description: Description
    source: str  # where the clips came from, as the user named it
    fingerprint: str  # the same for the same clips on any machine, in any order, from any format
    frames: NDArray[np.float32]  # (frame, body, joint, channel), metres, memory-mapped, read-only
    unreadable: list[tuple[str, str]]  # (name, reason) of every clip that could not be read
    notes: list[str]  # what was read otherwise than it is written, a sentence each
    names: NDArray[np.str_]  # (clip,), unique
    present: NDArray[np.bool_]  # (clip, body), whether the body has any non-zero coordinate
    label: NDArray[np.int64]  # (clip,), 0-based class in the source's order
    subject: NDArray[np.int16]  # (clip,), an id from 1; 0 where unknown, as in the next three
    camera: NDArray[np.int16]
    setup: NDArray[np.int16]
    replication: NDArray[np.int16]
    start: NDArray[np.int64]  # (clip,), first row of ``frames``
    length: NDArray[np.int64]  # (clip,), rows of ``frames``
    duplicated: NDArray[np.bool_]  # (clip,), body 2 was a copy of body 1 and has been zeroed
    in_train: NDArray[np.int8]  # (clip,), the source's split: 1 train, 0 test, -1 unknown

    def __init__(self, path: Path) -> None:
        self.path = path
        what, remedy = f"The prepared set {path}", "delete it and prepare again"
        with reading_from(what, remedy, DataError):
            for name in (ABOUT, CLIPS, FRAMES):
                if not (path / name).exists():
                    raise DataError(f"{path} is not a prepared set: it has no {path / name}.")
            about = read_json(path / ABOUT)
            if conform(about, dict[str, Any]).get("version") != VERSION:
                raise DataError(
                    f"{what} has format {shown(about.get('version'))}, this program reads "
                    f"{VERSION}; delete it and prepare again."
                )
            read: _About = conform(about, _About)
            self.description, self.unreadable = read.description, read.unreadable
            self.source, self.fingerprint, self.notes = read.source, read.fingerprint, read.notes
            with closing(NpzReader(path / CLIPS, remedy)) as columns:
                for name in ("names", "present", *COLUMNS):
                    setattr(self, name, columns.read(name))
            frames = map_npy(path / FRAMES)
            # A plain view: indexing a memmap object costs more and returns memmaps.
            self.frames = frames.view(np.ndarray)
            self._check()

    def _check(self) -> None:
        """Raise a ValueError for arrays that do not fit together."""
        about, num_clips = self.description, len(self.names)
        wanted: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {}
        wanted |= {"frames": (np.float32, (len(self.frames), *about.frame_shape))}
        wanted |= {name: (kind, (num_clips,)) for name, kind in COLUMNS.items()}
        wanted["present"] = (np.bool_, (num_clips, about.num_bodies))
        for name, (kind, shape) in wanted.items():
            array = getattr(self, name)
            if array.dtype != kind or array.shape != shape:
                raise ValueError(f"{name} is {array.dtype} {array.shape}, not {shape}")
        if self.names.ndim != 1 or self.names.dtype.kind != "U":
            raise ValueError(f"names is {self.names.dtype} {self.names.shape}, not a list of text")
        for name, low, high in (
            ("length", 1, len(self.frames)),
            ("start", 0, len(self.frames) - self.length),
            ("label", 0, len(about.class_names) - 1),
            ("in_train", -1, 1),
        ):
            values = getattr(self, name)
            wrong = np.flatnonzero((values < low) | (values > high))
            if len(wrong):
                raise ValueError(f"{name} of clip {wrong[0]} is {values[wrong[0]]}")

    @property
    def num_clips(self) -> int:
        """Clips that could be read."""
        return len(self.names)

    def __reduce__(self) -> tuple[type["Archive"], tuple[Path]]:
        return Archive, (self.path,)


def default_cache_dir() -> Path:
    """Return ``$XDG_CACHE_HOME/charon``, or ``~/.cache/charon`` where that is not set."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rules: a relative path is invalid and must be ignored.
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "charon"


def list_archives(cache_dir: Path) -> list[Path]:
    """Return the folders of the complete archives in a cache folder, by name."""
    return sorted(about.parent for about in cache_dir.glob(f"[!.]*/{ABOUT}"))


def find_archive(cache_dir: Path, name: str) -> Path:
    """Return the folder of an archive by its name; DataError if there is none."""
    archives = list_archives(cache_dir)
    path = cache_dir / name
    if path not in archives:
        known = ", ".join(known.name for known in archives) or "none"
        raise DataError(f"There is no prepared set `{name}` in {cache_dir}; there is: {known}.")
    return path


def num_bytes_of(path: Path) -> int:
    """Return the bytes on disk of an archive's folder."""
    return sum(file.stat().st_size for file in path.iterdir())


def delete_archive(path: Path) -> None:
    """Delete an archive's folder; a trial that has the archive open keeps its data until it ends.

    Raises:
        DataError: it cannot be deleted.
    """
    # Renamed first: however this ends, no half-deleted archive can be opened.
    removed = path.with_name(f".removing-{path.name}")
    try:
        shutil.rmtree(removed, ignore_errors=True)
        path.replace(removed)
        shutil.rmtree(removed)
    except OSError as error:
        raise DataError(f"{path} cannot be deleted: {error.strerror}.") from error
