"""Recordings of unknown class: `.skeleton` files of any names."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.formats import skeleton_folder
from charon.data.formats.skeleton_folder import SUFFIX, Entry, SkeletonFiles, list_entries
from charon.data.source import Description, SourceClip
from charon.errors import DataError


def is_skeleton_file(path: Path) -> bool:
    """Return whether this is a `.skeleton` file, by its name."""
    return path.is_file() and path.suffix.lower() == SUFFIX


def is_raw(path: Path) -> bool:
    """Return whether this is a `.skeleton` file, or a folder or zip that may have them."""
    return is_skeleton_file(path) or skeleton_folder.FORMAT.recognises(path)


class Unlabelled(SkeletonFiles):
    """A `.skeleton` file, or those below a folder or in a zip, all of the class ``unknown``.

    A clip is named after the path of its file below the folder. Hidden files are left out.

    Raises:
        DataError: the path is none of these, or has no `.skeleton` file.
    """

    def __init__(self, path: Path, *, keep_gaps: bool = False) -> None:
        self._path = path
        root = path
        if is_skeleton_file(path):
            root, status = path.parent, path.stat()
            entries = [Entry(path.stem, path.name, status.st_size, status.st_mtime_ns)]
        else:
            entries = sorted(list_entries(path))
        if not entries:
            raise DataError(
                f"{path} has no {SUFFIX} file, neither itself nor in its folders; give a "
                f"{SUFFIX} file, or a folder or a .zip of them."
            )
        named = [replace(entry, name=entry.path) for entry in entries]
        super().__init__(root, named, keep_gaps=keep_gaps)

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
