"""Any skeleton set as an .npz of plain arrays."""

from collections.abc import Iterator
from contextlib import closing
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.actors import prepare_padded
from charon.data.slabs import check_finite, map_slabs
from charon.data.source import Description, Format, SourceClip, SourceFile, Unreadable
from charon.errors import DataError
from charon.npz import NpzReader

Columns = dict[str, NDArray[Any]]

_MAX_ID = int(np.iinfo(np.int16).max)


class PlainNpz(SourceFile):
    """Skeleton clips in an .npz with these arrays; others are not read.

    - ``x``: float32 (clip, channel, frame, joint, body), zero-padded; 2 or 3 channels, 1 or 2
      bodies.
    - ``n_frames``: whole numbers (clip,), frames before the padding.
    - ``label``: whole numbers (clip,) from 0; each class needs a clip.
    - ``train_mask``: bool (clip,), the set's split; optional.
    - ``subject``, ``view``: whole numbers (clip,), who performs and from where; optional. Ids
      that start at 0 are counted from 1 instead.
    - ``class_names``: text (class,); optional, otherwise ``class 0``, ...
    - ``parts``: whole numbers (joint,), the number of each joint's body part from 0; optional.
    - ``bones``: whole numbers (bone, 2), the joints of each bone, first the one that is nearer to
      the body's root; optional.
    - ``to25``: whole numbers (25,), the joint that stands for each of NTU RGB+D's; optional. The
      parts are those of NTU RGB+D where only this is there.
    - ``centre_joint``: one whole number, the joint that becomes the origin; optional,
      otherwise joint 1.

    Clips are called ``clip-000000``, ... by their row.

    Raises:
        DataError: the file cannot be read, or an array is missing or has a wrong shape, type
            or value.
    """

    kind = "any npz"

    @property
    def description(self) -> Description:
        """Sizes by the shape of ``x``; the set is named like its file."""
        return self._read[0]

    def __len__(self) -> int:
        return len(self._read[1]["label"])

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every row, using up to ``workers`` threads; a row of zeros is unreadable."""
        convert = partial(self._convert, *self._read)
        with closing(NpzReader(self._path)) as npz:
            for clips in map_slabs(convert, npz.slabs("x"), workers):
                yield from clips

    def _convert(
        self, about: Description, columns: Columns, first_row: int, slab: NDArray[Any]
    ) -> list[SourceClip | Unreadable]:
        check_finite(slab, first_row, f"{self._path}: `x`")
        x = slab.astype(np.float32, copy=False)
        clips = []
        # (clip, frame, body, joint, channel)
        for row, padded in enumerate(x.transpose(0, 2, 4, 3, 1), start=first_row):
            num_frames = int(columns["num_frames"][row])
            if padded[num_frames:].any():
                raise DataError(
                    f"{self._path}: row {row} of `x` is not zero after its {num_frames} frames; "
                    "correct `n_frames` or the padding."
                )
            ids = {key: columns[key][row].item() for key in columns if key != "num_frames"}
            clip = SourceClip(f"clip-{row:06d}", np.ascontiguousarray(padded[:num_frames]), **ids)
            clips.append(prepare_padded(clip, about.centre_joint))
        return clips

    @cached_property
    def _read(self) -> tuple[Description, Columns]:
        """Everything in the file but the coordinates; arrays are (clip,)."""
        with closing(NpzReader(self._path)) as npz:
            if {"x_train", "y_train"} <= npz.keys:
                raise DataError(
                    f"{self._path} has the arrays of an NTU RGB+D file but not the name of one; "
                    f"rename it to the protocol it holds: {', '.join(ntu.NPZ_FILES)}."
                )
            num_clips, num_channels, longest, num_joints, num_bodies = self._shape(npz)
            columns = {
                "label": self._whole(npz, "label", num_clips, smallest=0, largest=_MAX_ID),
                "num_frames": self._whole(npz, "n_frames", num_clips, smallest=1, largest=longest),
                "subject": self._ids(npz, "subject", num_clips),
                "camera": self._ids(npz, "view", num_clips),
            }
            if "train_mask" in npz.keys:
                header = npz.header("train_mask")
                if header.shape != (num_clips,) or header.dtype.kind != "b":
                    raise npz.wrong("train_mask", f"{num_clips} booleans")
                columns["in_train"] = npz.read("train_mask").astype(np.bool_)
            description = Description(
                self._path.stem,
                self._class_names(npz, columns["label"]),
                num_joints,
                num_bodies,
                num_channels,
                centre_joint=self._centre_joint(npz, num_joints),
                bones=self._bones(npz, num_joints),
                parts=self._parts(npz, num_joints),
            )
            return description, columns

    def _shape(self, npz: NpzReader) -> tuple[int, ...]:
        """Return how many clips, channels, frames, joints and bodies ``x`` has."""
        x = npz.header("x")
        if x.dtype.kind != "f" or len(x.shape) != 5 or 0 in x.shape:
            raise npz.wrong("x", "float32 (clip, channel, frame, joint, body)")
        if x.shape[1] not in (2, 3) or x.shape[4] not in (1, 2):
            raise DataError(
                f"{self._path}: `x` must have 2 or 3 channels (axis 1) and 1 or 2 bodies "
                f"(axis 4), but its shape is {x.shape}."
            )
        return x.shape

    def _whole(
        self, npz: NpzReader, key: str, length: int, *, smallest: int, largest: int
    ) -> NDArray[np.int64]:
        """Return an array of whole numbers, a number for each row of ``x`` or each joint."""
        header = npz.header(key)
        if header.shape != (length,) or header.dtype.kind not in "iu":
            raise npz.wrong(key, f"{length} whole numbers")
        values = npz.read(key)
        wrong = np.flatnonzero((values < smallest) | (values > largest))
        if len(wrong):
            raise DataError(
                f"{self._path}: `{key}` must be from {smallest} to {largest}, but entry "
                f"{wrong[0]} is {values[wrong[0]]}."
            )
        return values.astype(np.int64)

    def _ids(self, npz: NpzReader, key: str, length: int) -> NDArray[np.int64]:
        """Return ids from 1, or zeros where the file has none."""
        if key not in npz.keys:
            return np.zeros(length, np.int64)
        ids = self._whole(npz, key, length, smallest=0, largest=_MAX_ID - 1)
        return ids + 1 if ids.min() == 0 else ids

    def _class_names(self, npz: NpzReader, label: NDArray[np.int64]) -> tuple[str, ...]:
        names = tuple(f"class {index}" for index in range(int(label.max()) + 1))
        if "class_names" in npz.keys:
            header = npz.header("class_names")
            if len(header.shape) != 1 or header.dtype.kind != "U":
                raise npz.wrong("class_names", "a list of text")
            names = tuple(npz.read("class_names").tolist())
            if label.max() >= len(names):
                row = int(np.argmax(label >= len(names)))
                raise DataError(
                    f"{self._path}: `label` must be from 0 to {len(names) - 1}, a number for "
                    f"each of the {len(names)} class names, but row {row} has {label[row]}."
                )
        missing = sorted(set(range(len(names))) - set(label.tolist()))
        if missing:
            raise DataError(
                f"{self._path}: no clip has label {missing[0]} ({names[missing[0]]}); every class "
                "needs a clip, so number the labels from 0 without gaps."
            )
        return names

    def _centre_joint(self, npz: NpzReader, num_joints: int) -> int:
        if "centre_joint" not in npz.keys:
            return min(1, num_joints - 1)
        joint = npz.read("centre_joint")
        if joint.size != 1 or joint.dtype.kind not in "iu" or not 0 <= joint.item() < num_joints:
            raise DataError(
                f"{self._path}: `centre_joint` must be one whole number from 0 to "
                f"{num_joints - 1}, but it is {joint.tolist()}."
            )
        return int(joint.item())

    def _bones(self, npz: NpzReader, num_joints: int) -> tuple[tuple[int, int], ...]:
        if "bones" not in npz.keys:
            return ()
        header = npz.header("bones")
        if len(header.shape) != 2 or header.shape[1] != 2 or header.dtype.kind not in "iu":
            raise npz.wrong("bones", "two whole numbers for each bone")
        bones = [(int(parent), int(child)) for parent, child in npz.read("bones")]
        for row, (parent, child) in enumerate(bones):
            if parent == child or not all(0 <= joint < num_joints for joint in (parent, child)):
                raise DataError(
                    f"{self._path}: a row of `bones` must be two different joints from 0 to "
                    f"{num_joints - 1}, but row {row} is {parent}, {child}."
                )
        return tuple(bones)

    def _parts(self, npz: NpzReader, num_joints: int) -> dict[str, tuple[int, ...]]:
        if "parts" in npz.keys:
            part = self._whole(npz, "parts", num_joints, smallest=0, largest=num_joints - 1)
            return {
                f"part {number}": tuple(np.flatnonzero(part == number).tolist())
                for number in sorted(set(part.tolist()))
            }
        parts: dict[str, tuple[int, ...]] = {}
        if "to25" in npz.keys:
            joint = self._whole(npz, "to25", ntu.NUM_JOINTS, smallest=0, largest=num_joints - 1)
            for name, members in ntu.PARTS.items():
                taken = {joint for earlier in parts.values() for joint in earlier}
                parts[name] = tuple(sorted(set(joint[list(members)].tolist()) - taken))
        return {name: joints for name, joints in parts.items() if joints}


FORMAT = Format(
    takes="any other skeletons as an .npz",
    open=PlainNpz,
    recognises=lambda path: path.suffix.lower() == ".npz",
)
