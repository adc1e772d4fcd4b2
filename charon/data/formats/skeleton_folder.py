"""A folder or zip of NTU RGB+D's `.skeleton` files."""

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.actors import prepare_clip
from charon.data.formats.skeleton_text import parse_skeleton
from charon.data.parallel import map_in_order
from charon.data.source import Description, Format, SourceClip, Unreadable
from charon.errors import DataError
from charon.files import reason_of
from charon.zips import open_member, open_zip

SUFFIX = ".skeleton"
SUFFIXES = (SUFFIX, f"{SUFFIX}.txt")
"""The second is what a browser or an editor makes of the first."""
MAX_BYTES = 64 * 2**20
"""NTU RGB+D's longest recording takes a few megabytes."""


@dataclass(frozen=True, order=True)
class Entry:
    """A file: the name of its clip, its path below the folder or in the zip, and its version.

    ``archive`` is the path of the zip that it lies in, where that zip is in the folder or the zip.
    """

    name: str
    path: str
    size: int
    modified: int
    archive: str = ""


class SkeletonFolder:
    """The clips of NTU RGB+D in the `.skeleton` files below a folder, or in a zip.

    Clips come in the order of their names (SsssCccPpppRrrrAaaa), from which their labels and
    ids are taken; of two files with the same name, the second is unreadable. Hidden files, and
    the clips that NTU RGB+D lists as without a usable skeleton, are left out. Where there is no
    `.skeleton` file, those in zips in the folder, or in the zip, are taken.

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
        digest = digest_of(self._entries)
        return f"skeleton files {self._root.resolve()} {digest} {self._keep_gaps=}"

    def notes(self) -> Sequence[str]:
        """Return nothing: all is read as it is written."""
        return ()

    def __len__(self) -> int:
        return len(self._entries)

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in order, using up to ``workers`` processes."""
        previous = ""
        with (
            unpacked_zips(self._root, self._entries) as zips,
            closing(_Reader(EntryReader(self._root, zips), self._keep_gaps)) as read,
        ):
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
    """Reads and prepares a file at a time; travels to the workers."""

    files: "EntryReader"
    keep_gaps: bool

    def __call__(self, entry: Entry) -> NDArray[np.float32] | Unreadable:
        try:
            recording = parse_skeleton(self.files.read(entry), self.files.place_of(entry))
            return prepare_clip(recording, keep_gaps=self.keep_gaps)
        except DataError as error:
            return Unreadable(entry.name, str(error))

    def close(self) -> None:
        self.files.close()


@dataclass
class EntryReader:
    """Reads whole files of a folder or a zip; travels to other processes with its zips closed.

    Attributes:
        root: the folder or the zip.
        zips: the zips in it, by their path below it; see :func:`unpacked_zips`.
    """

    root: Path
    zips: dict[str, Path] = field(default_factory=dict)
    opened: dict[Path, ZipFile] = field(default_factory=dict, init=False)

    def place_of(self, entry: Entry) -> str:
        """Return where a file is, for errors."""
        return f"{self.root}/{entry.path}"

    def read(self, entry: Entry) -> bytes:
        """Return a file's bytes.

        Raises:
            DataError: it cannot be read or unpacked, or is too large for a recording.
        """
        where = self.place_of(entry)
        if entry.size > MAX_BYTES:
            raise DataError(
                f"{where} has {entry.size / 2**20:.0f} MiB, but no recording has more than "
                f"{MAX_BYTES // 2**20} MiB: it is none."
            )
        packed = self.zips[entry.archive] if entry.archive else self.root
        try:
            if packed.is_dir():
                return _read_file(Path(where))
            if packed not in self.opened:
                self.opened[packed] = open_zip(packed)
            name = entry.path.removeprefix(f"{entry.archive}/")
            member, num_bytes = open_member(self.opened[packed], name)
            with member:
                return member.read(num_bytes)
        except Exception as error:  # zipfile raises whatever a damaged zip leads to
            how = "read" if packed.is_dir() else "unpacked"
            reason = getattr(error, "strerror", None) or reason_of(error)
            raise DataError(f"{where} cannot be {how}: {reason}.") from error

    def close(self) -> None:
        """Close the zips."""
        for opened in self.opened.values():
            opened.close()


def _read_file(path: Path) -> bytes:
    """Read a file, but no pipe, which may be silent for ever, and no more than it may have."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no file")
    with path.open("rb") as file:
        return file.read(MAX_BYTES)


def digest_of(entries: Iterable[Entry]) -> str:
    """Return a text that changes with any file's path, size or time."""
    digest = blake2b(digest_size=16)
    for entry in entries:
        digest.update(f"{entry.path}\0{entry.size}\0{entry.modified}\n".encode())
    return digest.hexdigest()


@contextmanager
def unpacked_zips(root: Path, entries: Iterable[Entry]) -> Iterator[dict[str, Path]]:
    """Yield the zips that entries lie in, by their paths below a folder or in a zip.

    Those in a zip are unpacked into the system's temporary folder, whole: their files are read
    in any order, by several processes.

    Raises:
        DataError: one cannot be unpacked.
    """
    paths = sorted({entry.archive for entry in entries} - {""})
    if root.is_dir() or not paths:
        yield {path: root / path for path in paths}
        return
    with TemporaryDirectory(prefix="charon-") as folder:
        zips = {path: Path(folder, f"{number}.zip") for number, path in enumerate(paths)}
        for path, place in zips.items():
            try:
                with open_zip(root) as archive, place.open("wb") as file:
                    packed, _ = open_member(archive, path)
                    with packed:
                        shutil.copyfileobj(packed, file)
            except Exception as error:  # zipfile raises whatever a damaged zip leads to
                reason = getattr(error, "strerror", None) or reason_of(error)
                raise DataError(
                    f"{root}/{path} cannot be unpacked into {folder}: {reason}; unpack {root} "
                    "yourself and give its folder."
                ) from error
        yield zips


def walk_names(path: Path) -> Iterator[str]:
    """Yield the names of the files below a folder or in a zip; of what cannot be read, none."""
    if path.is_dir():
        for _, _, files in os.walk(path):
            yield from files
    elif path.suffix.lower() == ".zip":
        with suppress(Exception), open_zip(path) as archive:
            yield from (PurePosixPath(name).name for name in archive.namelist())


def list_entries(
    path: Path, is_wanted: Callable[[str], bool] | None = None
) -> tuple[Path, list[Entry]]:
    """Return where the paths begin, and the files: in a folder, in a zip, or this one.

    ``is_wanted`` chooses files by their name, by default `.skeleton` files. Where none is, those
    in zips in the folder or in the zip are returned.
    """
    is_wanted = is_wanted or _is_skeleton
    if is_skeleton_file(path):
        return path.parent, [_entry(path, path.parent)]
    if not path.is_dir():
        return path, _list_zip(path, is_wanted)

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename} cannot be listed: {error.strerror}.") from error

    entries, zips = [], []
    for folder, _, files in os.walk(path, onerror=refuse):
        entries += [_entry(Path(folder, file), path) for file in filter(is_wanted, files)]
        zips += [Path(folder, file) for file in filter(_is_zip, files)]
    if not entries:
        for archive in zips:
            inner = archive.relative_to(path).as_posix()
            entries += [_within(inner, entry) for entry in _list_zip(archive, is_wanted)]
    return path, entries


def _entry(file: Path, root: Path) -> Entry:
    size = modified = 0
    with suppress(OSError):  # a dangling link: unreadable when its turn comes
        status = file.stat()
        size, modified = status.st_size, status.st_mtime_ns
    return Entry(_name_of(file.name), file.relative_to(root).as_posix(), size, modified)


def _within(archive: str, entry: Entry) -> Entry:
    """Return an entry of a zip as one of what that zip is in."""
    return replace(entry, path=f"{archive}/{entry.path}", archive=archive)


def _name_of(file: str) -> str:
    stem = PurePosixPath(file).stem
    return stem[: -len(SUFFIX)] if file.lower().endswith(SUFFIXES[1]) else stem


def _list_zip(archive_path: Path, is_wanted: Callable[[str], bool]) -> list[Entry]:
    try:
        modified = archive_path.stat().st_mtime_ns
        with open_zip(archive_path) as archive:
            entries = _members(archive, modified, is_wanted)
            for member in archive.infolist() if not entries else ():
                if _is_zip(PurePosixPath(member.filename).name):
                    found = _members_within(archive, member, modified, is_wanted)
                    entries += [_within(member.filename, entry) for entry in found]
            return entries
    except DataError:
        raise
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


def _members(archive: ZipFile, modified: int, is_wanted: Callable[[str], bool]) -> list[Entry]:
    # A member without a name has nowhere to end in a slash, by which folders are known.
    members = [m for m in archive.infolist() if m.filename and not m.is_dir()]
    names = [PurePosixPath(member.filename).name for member in members]
    return [
        Entry(_name_of(name), member.filename, member.file_size, modified)
        for name, member in zip(names, members, strict=True)
        if is_wanted(name)
    ]


def _members_within(
    archive: ZipFile,
    member: ZipInfo,
    modified: int,
    is_wanted: Callable[[str], bool],
) -> list[Entry]:
    try:
        packed, _ = open_member(archive, member.filename)
        with packed, ZipFile(packed) as inner:
            return _members(inner, modified, is_wanted)
    except Exception as error:  # zipfile raises whatever a damaged zip leads to
        raise DataError(
            f"{archive.filename}/{member.filename} is no readable zip ({reason_of(error)}); "
            f"copy or download {archive.filename} again, or remove it there."
        ) from error


def _is_skeleton(file: str) -> bool:
    return file.lower().endswith(SUFFIXES) and not file.startswith(".")


def _is_zip(file: str) -> bool:
    return file.lower().endswith(".zip") and not file.startswith(".")


def is_skeleton_file(path: Path) -> bool:
    """Return whether this is a `.skeleton` file, by its name."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


FORMAT = Format(
    takes=f"a folder or a .zip of {SUFFIX} files",
    open=SkeletonFolder,
    recognises=lambda path: path.is_dir() or (path.is_file() and path.suffix.lower() == ".zip"),
    options=("keep_gaps",),
)
