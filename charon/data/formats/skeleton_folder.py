"""A folder or zip of NTU RGB+D's `.skeleton` files."""

import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.actors import prepare_clip
from charon.data.formats.skeleton_text import check_size, parse_skeleton, read_skeleton_file
from charon.data.parallel import map_in_order
from charon.data.recordings import Recording
from charon.data.source import Description, Format, SourceClip, Unreadable
from charon.errors import DataError

SUFFIX = ".skeleton"


@dataclass(frozen=True, order=True)
class Entry:
    """A file: the name of its clip, its path below the folder or in the zip, and its version."""

    name: str
    path: str
    size: int
    modified: int


class SkeletonFiles:
    """`.skeleton` files of a folder or a zip, prepared as the field does.

    ``entries`` are in the order of the clips. Of two files with the same name, the second is
    unreadable.
    """

    def __init__(self, root: Path, entries: Sequence[Entry], *, keep_gaps: bool) -> None:
        self._root = root
        self._entries = entries
        self._keep_gaps = keep_gaps

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
        """Return the clip of a file by its name."""
        raise NotImplementedError


class SkeletonFolder(SkeletonFiles):
    """The clips of NTU RGB+D in the `.skeleton` files below a folder, or in a zip.

    Clips come in the order of their names (SsssCccPpppRrrrAaaa), from which their labels and
    ids are taken. Hidden files, and the clips that NTU RGB+D lists as without a usable
    skeleton, are left out.

    Raises:
        DataError: the path is no folder and no readable zip, or has no `.skeleton` file.
    """

    def __init__(self, path: Path, *, keep_gaps: bool = False) -> None:
        entries = list_entries(path)
        if not entries:
            raise DataError(
                f"{path} has no {SUFFIX} file, neither itself nor in its folders; give the folder "
                "or the zip of NTU RGB+D's skeleton files (S001C001P001R001A001.skeleton, ...)."
            )
        usable = sorted(entry for entry in entries if entry.name not in ntu.MISSING_NAMES)
        if not usable:
            raise DataError(
                f"{path} has no {SUFFIX} file but {len(entries)} of those that NTU RGB+D lists as "
                "without a usable skeleton."
            )
        super().__init__(path, usable, keep_gaps=keep_gaps)

    @cached_property
    def description(self) -> Description:
        """NTU RGB+D 60 if no file is of a later class, else 120."""
        num_classes = 60
        for entry in self._entries:
            with suppress(DataError):  # no clip's name: unreadable when its turn comes
                if ntu.parse_name(entry.name).label >= num_classes:
                    num_classes = 120
        return ntu.description(f"ntu{num_classes}", num_classes)

    def _labelled(self, name: str, x: NDArray[np.float32]) -> SourceClip | Unreadable:
        try:
            return ntu.parse_name(name).clip(name, x)
        except DataError as error:
            return Unreadable(name, str(error))


@dataclass
class _Reader:
    """Reads and prepares a file at a time; travels to the workers with its zip closed."""

    root: Path
    keep_gaps: bool
    opened: zipfile.ZipFile | None = field(default=None, init=False)

    def __call__(self, entry: Entry) -> NDArray[np.float32] | Unreadable:
        try:
            return prepare_clip(self._read(entry), keep_gaps=self.keep_gaps)
        except DataError as error:
            return Unreadable(entry.name, str(error))

    def _read(self, entry: Entry) -> Recording:
        if self.root.is_dir():
            return read_skeleton_file(self.root / entry.path)
        where = f"{self.root}/{entry.path}"
        check_size(where, entry.size)
        try:
            if self.opened is None:
                self.opened = zipfile.ZipFile(self.root)
            data = self.opened.read(entry.path)
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            # RuntimeError: encrypted, or (as NotImplementedError) an unknown compression.
            raise DataError(f"{where} cannot be unpacked: {error}.") from error
        return parse_skeleton(data, where)

    def close(self) -> None:
        if self.opened is not None:
            self.opened.close()


def list_entries(root: Path) -> list[Entry]:
    """Return the `.skeleton` files below a folder or in a zip, in no particular order."""
    if not root.is_dir():
        return _list_zip(root)

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be listed: {error.strerror}.") from error

    entries = []
    for folder, _, files in os.walk(root, onerror=refuse):
        for file in filter(_is_skeleton, files):
            path = Path(folder, file)
            size = modified = 0
            with suppress(OSError):  # a dangling link: unreadable when its turn comes
                status = path.stat()
                size, modified = status.st_size, status.st_mtime_ns
            entries.append(Entry(path.stem, path.relative_to(root).as_posix(), size, modified))
    return entries


def _list_zip(archive_path: Path) -> list[Entry]:
    try:
        modified = archive_path.stat().st_mtime_ns
        with zipfile.ZipFile(archive_path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except OSError as error:
        raise DataError(
            f"{archive_path} cannot be opened as a folder or a zip of {SUFFIX} files: "
            f"{error.strerror or error}."
        ) from error
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{archive_path} is neither a folder nor a readable zip of {SUFFIX} files ({error}); "
            "copy or download it again."
        ) from error
    return [
        Entry(PurePosixPath(member.filename).stem, member.filename, member.file_size, modified)
        for member in members
        if _is_skeleton(PurePosixPath(member.filename).name)
    ]


def _is_skeleton(file: str) -> bool:
    return file.lower().endswith(SUFFIX) and not file.startswith(".")


FORMAT = Format(
    takes=f"a folder or a .zip of {SUFFIX} files",
    open=SkeletonFolder,
    recognises=lambda path: path.is_dir() or (path.is_file() and path.suffix.lower() == ".zip"),
    keeps_gaps=True,
)
