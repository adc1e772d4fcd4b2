"""A folder or zip of NTU RGB+D's `.skeleton` files."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.actors import prepare_clip
from charon.data.formats.skeleton_text import parse_skeleton
from charon.data.parallel import map_in_order
from charon.data.source import Description, Format, Recording, SourceClip, Unreadable
from charon.errors import DataError
from charon.files import reason_of
from charon.zips import open_member, open_zip

SUFFIX = ".skeleton"
MAX_BYTES = 64 * 2**20
"""NTU RGB+D's longest recording takes a few megabytes."""


@dataclass(frozen=True, order=True)
class Entry:
    """A file: the name of its clip, its path below the folder or in the zip, and its version."""

    name: str
    path: str
    size: int
    modified: int


class SkeletonFolder:
    """The clips of NTU RGB+D in the `.skeleton` files below a folder, or in a zip.

    Clips come in the order of their names (SsssCccPpppRrrrAaaa), from which their labels and
    ids are taken; of two files with the same name, the second is unreadable. Hidden files, and
    the clips that NTU RGB+D lists as without a usable skeleton, are left out.

    Raises:
        DataError: the path is no folder and no readable zip, or has no `.skeleton` file.
    """

    _wanted = (
        "the folder or the zip of NTU RGB+D's skeleton files (S001C001P001R001A001.skeleton, ...)"
    )

    def __init__(self, path: Path, *, keep_gaps: bool = False) -> None:
        self._path, self._keep_gaps = path, keep_gaps
        self._root, entries = list_entries(path)
        if not entries:
            raise DataError(
                f"{path} has no {SUFFIX} file, neither itself nor in its folders; give "
                f"{self._wanted}."
            )
        self._entries = self._usable(sorted(entries))

    def _usable(self, entries: list[Entry]) -> list[Entry]:
        usable = [entry for entry in entries if entry.name not in ntu.MISSING_NAMES]
        if not usable:
            raise DataError(
                f"{self._path} has no {SUFFIX} file but {len(entries)} of those that NTU RGB+D "
                "lists as without a usable skeleton."
            )
        return usable

    @cached_property
    def description(self) -> Description:
        """NTU RGB+D 60 if no file is of a later class, else 120."""
        num_classes = 60
        for entry in self._entries:
            with suppress(DataError):  # no clip's name: unreadable when its turn comes
                if ntu.parse_name(entry.name).label >= num_classes:
                    num_classes = 120
        return ntu.description(f"ntu{num_classes}", num_classes)

    def identity(self) -> str:
        """Return a string that changes with any file's path, size or time, or with an option."""
        digest = blake2b(digest_size=16)
        for entry in self._entries:
            digest.update(f"{entry.path}\0{entry.size}\0{entry.modified}\n".encode())
        return f"skeleton files {self._root.resolve()} {digest.hexdigest()} {self._keep_gaps=}"

    def __len__(self) -> int:
        return len(self._entries)

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in order, using up to ``workers`` processes."""
        previous = ""
        with closing(_Reader(self._root, self._keep_gaps)) as read:
            clips = map_in_order(read, self._entries, workers=workers)
            for entry, x in zip(self._entries, clips, strict=True):
                if entry.name == previous:
                    reason = f"{entry.path} has the name of another file; remove one of them."
                    yield Unreadable(entry.path, reason)
                else:
                    yield x if isinstance(x, Unreadable) else self._labelled(entry.name, x)
                previous = entry.name

    def _labelled(self, name: str, x: NDArray[np.float32]) -> SourceClip | Unreadable:
        try:
            return ntu.parse_name(name).clip(name, x)
        except DataError as error:
            return Unreadable(name, str(error))


class Unlabelled(SkeletonFolder):
    """A `.skeleton` file, or those below a folder or in a zip, all of the class ``unknown``.

    A clip is named after the path of its file below the folder, which may be any.
    """

    _wanted = f"a {SUFFIX} file, or a folder or a .zip of them"

    def _usable(self, entries: list[Entry]) -> list[Entry]:
        return [replace(entry, name=entry.path) for entry in entries]

    @property
    def description(self) -> Description:
        """NTU RGB+D's joints, and the class ``unknown``."""
        about = ntu.description(self._path.stem, num_classes=60)
        return replace(about, class_names=("unknown",), is_ntu=False)

    def identity(self) -> str:
        """Return a string that differs from that of the same files with labels."""
        return f"unlabelled {super().identity()}"

    def _labelled(self, name: str, x: NDArray[np.float32]) -> SourceClip:
        return SourceClip(name=name, x=x, label=0)


@dataclass
class _Reader:
    """Reads and prepares a file at a time; travels to the workers with its zip closed."""

    root: Path
    keep_gaps: bool
    opened: ZipFile | None = field(default=None, init=False)

    def __call__(self, entry: Entry) -> NDArray[np.float32] | Unreadable:
        try:
            return prepare_clip(self._read(entry), keep_gaps=self.keep_gaps)
        except DataError as error:
            return Unreadable(entry.name, str(error))

    def _read(self, entry: Entry) -> Recording:
        where = f"{self.root}/{entry.path}"
        if entry.size > MAX_BYTES:
            raise DataError(
                f"{where} has {entry.size / 2**20:.0f} MiB, but no recording has more than "
                f"{MAX_BYTES // 2**20} MiB: it is not a {SUFFIX} file."
            )
        try:
            if self.root.is_dir():
                return parse_skeleton(_read_file(Path(where)), where)
            if self.opened is None:
                self.opened = open_zip(self.root)
            member, num_bytes = open_member(self.opened, entry.path)
            with member:
                data = member.read(num_bytes)
        except DataError:
            raise
        except Exception as error:  # zipfile raises whatever a damaged zip leads to
            how = "read" if self.root.is_dir() else "unpacked"
            reason = getattr(error, "strerror", None) or reason_of(error)
            raise DataError(f"{where} cannot be {how}: {reason}.") from error
        return parse_skeleton(data, where)

    def close(self) -> None:
        if self.opened is not None:
            self.opened.close()


def _read_file(path: Path) -> bytes:
    """Read a file, but no pipe, which may be silent for ever, and no more than it may have."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file")
    with path.open("rb") as file:
        return file.read(MAX_BYTES)


def list_entries(path: Path) -> tuple[Path, list[Entry]]:
    """Return where the paths begin, and the files: in a folder, in a zip, or this one."""
    if is_skeleton_file(path):
        return path.parent, [_entry(path, path.parent)]
    if not path.is_dir():
        return path, _list_zip(path)

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be listed: {error.strerror}.") from error

    return path, [
        _entry(Path(folder, file), path)
        for folder, _, files in os.walk(path, onerror=refuse)
        for file in filter(_is_skeleton, files)
    ]


def _entry(file: Path, root: Path) -> Entry:
    size = modified = 0
    with suppress(OSError):  # a dangling link: unreadable when its turn comes
        status = file.stat()
        size, modified = status.st_size, status.st_mtime_ns
    return Entry(file.stem, file.relative_to(root).as_posix(), size, modified)


def _list_zip(archive_path: Path) -> list[Entry]:
    try:
        modified = archive_path.stat().st_mtime_ns
        with open_zip(archive_path) as archive:
            # A member without a name has nowhere to end in a slash, by which folders are known.
            members = [m for m in archive.infolist() if m.filename and not m.is_dir()]
    except OSError as error:
        raise DataError(
            f"{archive_path} cannot be opened as a folder or a zip of {SUFFIX} files: "
            f"{error.strerror or error}."
        ) from error
    except Exception as error:  # zipfile raises whatever a damaged directory leads to
        raise DataError(
            f"{archive_path} is neither a folder nor a readable zip of {SUFFIX} files "
            f"({reason_of(error)}); copy or download it again."
        ) from error
    return [
        Entry(PurePosixPath(member.filename).stem, member.filename, member.file_size, modified)
        for member in members
        if _is_skeleton(PurePosixPath(member.filename).name)
    ]


def _is_skeleton(file: str) -> bool:
    return file.lower().endswith(SUFFIX) and not file.startswith(".")


def is_skeleton_file(path: Path) -> bool:
    """Return whether this is a `.skeleton` file, by its name."""
    return path.is_file() and path.suffix.lower() == SUFFIX


def is_raw(path: Path) -> bool:
    """Return whether this is a `.skeleton` file, or a folder or zip that may have them."""
    return is_skeleton_file(path) or FORMAT.recognises(path)


FORMAT = Format(
    takes=f"a folder or a .zip of {SUFFIX} files",
    open=SkeletonFolder,
    recognises=lambda path: path.is_dir() or (path.is_file() and path.suffix.lower() == ".zip"),
    keeps_gaps=True,
)
