"""Recordings whose class nobody knows yet: `.skeleton` files of any names."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from charon.data import ntu
from charon.data.actors import prepare_clip
from charon.data.formats.skeleton_folder import (
    SUFFIX,
    Entry,
    RawReader,
    is_folder_or_zip,
    list_entries,
)
from charon.data.parallel import map_in_order
from charon.data.source import Description, SourceClip, Unreadable
from charon.errors import DataError

UNKNOWN = "unknown"
"""The one class of the set."""


def is_skeleton_file(path: Path) -> bool:
    """Return whether this is one `.skeleton` file, by its name."""
    return path.is_file() and path.suffix.lower() == SUFFIX


def is_raw(path: Path) -> bool:
    """Return whether this is a `.skeleton` file, or a folder or zip that may have them."""
    return is_skeleton_file(path) or is_folder_or_zip(path)


class Unlabelled:
    """One `.skeleton` file, or those below a folder or in a zip, prepared as the field does.

    A clip is named after its file's path below the folder, which may be any. All have the one
    class ``unknown``. Hidden files are left out.

    Raises:
        DataError: the path is none of these, or has no `.skeleton` file.
    """

    def __init__(self, path: Path, *, keep_gaps: bool = False) -> None:
        """List the files; ``keep_gaps`` is an option of the preparation, see prepare_clip."""
        self._path = path
        self._keep_gaps = keep_gaps
        if is_skeleton_file(path):
            status = path.stat()
            self._root = path.parent
            self._entries = [Entry(path.stem, path.name, status.st_size, status.st_mtime_ns)]
        else:
            self._root = path
            self._entries = sorted(list_entries(path))
        if not self._entries:
            raise DataError(
                f"{path} has no {SUFFIX} file, neither itself nor in its folders; give a "
                f"{SUFFIX} file, or a folder or a .zip of them."
            )

    @property
    def description(self) -> Description:
        """NTU RGB+D's joints, and the one class."""
        about = ntu.description(self._path.stem, num_classes=60)
        return replace(about, class_names=(UNKNOWN,), is_ntu=False)

    def identity(self) -> str:
        """Return a string that changes with any file's path, size or time, or with an option."""
        return f"unlabelled {self._path.resolve()} {self._entries} {self._keep_gaps=}"

    def __len__(self) -> int:
        """Return the number of files, readable or not."""
        return len(self._entries)

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in the order of the file names, using up to ``workers`` processes."""
        read = _Reader(self._root, self._keep_gaps)
        try:
            yield from map_in_order(read, self._entries, workers=workers)
        finally:
            read.close()


@dataclass
class _Reader(RawReader):
    """Reads and prepares one file."""

    keep_gaps: bool

    def __call__(self, entry: Entry) -> SourceClip | Unreadable:
        try:
            x = prepare_clip(self.read(entry), keep_gaps=self.keep_gaps)
            return SourceClip(name=entry.path, x=x, label=0)
        except DataError as error:
            return Unreadable(entry.path, str(error))
