"""NW-UCLA: a folder or zip of JSON files, one a clip.

Source: Wang et al. (CVPR 2014), as packed for CTR-GCN, whose feeder reads the files
(`all_sqe/a01_s01_e00_v01.json`): an object with `skeletons`, a list (frame, 20 joints, xyz).
A file's name has the action, the subject, the repetition and the view. The field trains on
views 1 and 2 and tests on view 3.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from charon.data.actors import prepare_padded
from charon.data.formats.skeleton_folder import (
    Entry,
    EntryReader,
    digest_of,
    list_entries,
    unpacked_zips,
    walk_names,
)
from charon.data.layouts import KINECT_V1
from charon.data.parallel import map_in_order
from charon.data.slabs import are_finite
from charon.data.source import Description, Format, SourceClip, Unreadable
from charon.errors import DataError

NUM_JOINTS = 20
TEST_VIEW = 3

CLASS_NAMES = {
    1: "pick up with one hand",
    2: "pick up with two hands",
    3: "drop trash",
    4: "walk around",
    5: "sit down",
    6: "stand up",
    8: "donning",
    9: "doffing",
    11: "throw",
    12: "carry",
}
"""The ten actions by their number, from which 7 and 10 are missing."""

_NAME = re.compile(r"a(\d{2})_s(\d{2})_e(\d{2})_v(\d{2})\.json", re.IGNORECASE)


class _Ids(NamedTuple):
    action: int
    subject: int
    repetition: int
    view: int


class NwUcla:
    """The clips of NW-UCLA in the JSON files below a folder, or in a zip, in name order.

    Raises:
        DataError: the path is no folder and no readable zip, or has no such file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._root, entries = list_entries(path, _is_clip)
        if not entries:
            raise DataError(f"{path} has no file of NW-UCLA (a01_s01_e00_v01.json, ...).")
        self._entries = sorted(entries)

    @cached_property
    def description(self) -> Description:
        """Its classes are those that a file has."""
        actions = sorted({_ids(entry).action for entry in self._entries})
        is_whole = set(actions) == set(CLASS_NAMES)
        return Description(
            "nw-ucla" if is_whole else "part-of-nw-ucla",
            tuple(CLASS_NAMES.get(action, f"action {action}") for action in actions),
            NUM_JOINTS,
            num_bodies=1,
            num_channels=3,
            centre_joint=KINECT_V1.centre_joint,
            bones=KINECT_V1.bones,
            parts=KINECT_V1.parts,
        )

    def identity(self) -> str:
        """Return a string that changes with any file's path, size or time."""
        return f"nw-ucla {self._root.resolve()} {digest_of(self._entries)}"

    def notes(self) -> Sequence[str]:
        """Return nothing: all is read as it is written."""
        return ()

    def __len__(self) -> int:
        return len(self._entries)

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in order, using up to ``workers`` processes."""
        actions = sorted({_ids(entry).action for entry in self._entries})
        label = {action: index for index, action in enumerate(actions)}
        with (
            unpacked_zips(self._root, self._entries) as zips,
            closing(_Reader(EntryReader(self._root, zips))) as read,
        ):
            clips = map_in_order(read, self._entries, workers=workers)
            for entry, x in zip(self._entries, clips, strict=True):
                if isinstance(x, Unreadable):
                    yield x
                    continue
                action, subject, repetition, view = _ids(entry)
                yield prepare_padded(
                    SourceClip(
                        entry.name,
                        x,
                        label[action],
                        subject=subject,
                        camera=view,
                        replication=repetition + 1,  # theirs count from 0
                        in_train=view != TEST_VIEW,
                    ),
                    KINECT_V1.centre_joint,
                )


@dataclass
class _Reader:
    """Reads a file at a time; travels to the workers."""

    files: EntryReader

    def __call__(self, entry: Entry) -> NDArray[np.float32] | Unreadable:
        try:
            return parse_clip(self.files.read(entry), self.files.place_of(entry))
        except DataError as error:
            return Unreadable(entry.name, str(error))

    def close(self) -> None:
        self.files.close()


def parse_clip(data: bytes, name: str) -> NDArray[np.float32]:
    """Read the text of a file, which errors call ``name``: float32 (frame, 1, 20, 3), metres.

    Raises:
        DataError: it is no JSON, has no `skeletons` of that shape, or a value is not finite.
    """
    try:
        content = json.loads(data)
        skeletons = content["skeletons"] if isinstance(content, dict) else None
        x = np.array(skeletons, dtype=np.float32)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = "it has no `skeletons`" if isinstance(error, KeyError) else str(error)
        raise DataError(
            f"{name} is no file of NW-UCLA ({reason}); copy or download it again."
        ) from error
    if x.ndim != 3 or x.shape[1:] != (NUM_JOINTS, 3) or not len(x):
        raise DataError(
            f"{name}: `skeletons` must be (frame, {NUM_JOINTS} joints, xyz), but is {x.shape}."
        )
    if not are_finite(x):
        raise DataError(f"{name}: `skeletons` has a value that is NaN or infinite, or beyond 1e9.")
    return x[:, None]


def _is_clip(file: str) -> bool:
    return _NAME.fullmatch(file) is not None


def _ids(entry: Entry) -> _Ids:
    match = _NAME.fullmatch(entry.path.rpartition("/")[2])
    assert match is not None, entry
    return _Ids(*map(int, match.groups()))


def _recognises(path: Path) -> bool:
    """Return whether a file of NW-UCLA is among the first that are looked at."""
    return any(map(_is_clip, islice(walk_names(path), 1000)))


FORMAT = Format(
    takes="a folder or a .zip of NW-UCLA's JSON files", open=NwUcla, recognises=_recognises
)
