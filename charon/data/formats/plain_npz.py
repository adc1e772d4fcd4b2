"""Any skeleton set as an .npz of plain arrays."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.actors import motion_of, prepare_padded, two_bodies
from charon.data.formats.axes import Known, find_axes
from charon.data.formats.labels import Labels, read_labels, whole_numbers
from charon.data.slabs import check_finite, map_slabs
from charon.data.source import Description, Format, SourceClip, SourceFile, Unreadable
from charon.errors import DataError
from charon.npz import NpzReader

Columns = dict[str, NDArray[Any]]

_MAX_ID = int(np.iinfo(np.int16).max)


class _Content(NamedTuple):
    """Everything in the file but the coordinates."""

    description: Description
    axes: str  # of `x`, a letter each
    num_frames: NDArray[np.int64] | None  # (clip,); None: the trailing empty frames are padding
    columns: Columns  # label, ids and split, (clip,), named as in SourceClip
    notes: list[str]  # what was converted


class PlainNpz(SourceFile):
    """Skeleton clips in an .npz with these arrays; others are not read.

    - ``x``: float (clip, channel, frame, joint, body), zero-padded; 2 or 3 channels. Without the
      axis of bodies there is one. Of more than two bodies, the two that move most are kept. Or
      the frames of all clips one after the other: (frame, ...), with ``n_frames``. For other
      orders of the axes see :func:`charon.data.formats.axes.find_axes`.
    - ``axes``: text, the order of the axes of ``x``, such as ``NTVCM``; optional, as is the
      argument ``axes``, which says the same.
    - ``n_frames``: whole numbers (clip,), frames before the padding; optional, otherwise all
      up to the last that is not empty.
    - ``label``: numbers, text or one-hot (:func:`charon.data.formats.labels.read_labels`).
    - ``train_mask``: bool, or 0 and 1 (clip,), the set's split; optional.
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

    Clips are called ``clip-000000``, ... by their row. Every conversion is a note.

    Raises:
        DataError: the file cannot be read, or an array is missing, has a wrong shape, type or
            value, or can be read in several ways.
    """

    kind = "any npz"

    def __init__(self, path: Path, *, axes: str = "auto") -> None:
        super().__init__(path)
        self._axes = axes

    def identity(self) -> str:
        """Return a string that changes with the file's path, size or time, or with the axes."""
        return super().identity() + ("" if self._axes == "auto" else f" axes={self._axes}")

    @property
    def description(self) -> Description:
        """Sizes by the shape of ``x``; the set is named like its file."""
        return self._content.description

    def notes(self) -> Sequence[str]:
        """Return every conversion in a sentence."""
        return self._content.notes

    def __len__(self) -> int:
        return len(self._content.columns["label"])

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every row, using up to ``workers`` threads; a row of zeros is unreadable."""
        content = self._content
        convert = partial(self._convert, content)
        with closing(NpzReader(self._path)) as npz:
            rows = self._padded(npz) if "N" in content.axes else self._ragged(npz, content)
            for clips in map_slabs(convert, rows, workers):
                yield from clips

    def _padded(self, npz: NpzReader) -> Iterator[Sequence[NDArray[Any]]]:
        """Yield slabs of ``x`` along its clips, whichever axis they are."""
        axes = self._content.axes
        if axes[0] == "N":
            yield from map(list, npz.slabs("x"))
        else:
            yield list(np.moveaxis(npz.read("x"), axes.index("N"), 0))

    def _ragged(self, npz: NpzReader, content: _Content) -> Iterator[Sequence[NDArray[Any]]]:
        """Yield lists of clips, cut out of the frames that lie one after the other."""
        assert content.num_frames is not None
        wanted = iter(content.num_frames.tolist())
        rest: NDArray[Any] | None = None
        length = next(wanted)
        for slab in npz.slabs("x"):
            rest = slab if rest is None else np.concatenate([rest, slab])
            clips = []
            while length is not None and len(rest) >= length:
                clips.append(rest[:length])
                rest = rest[length:]
                length = next(wanted, None)
            yield clips

    def _convert(
        self, content: _Content, first_row: int, rows: Sequence[NDArray[Any]]
    ) -> list[SourceClip | Unreadable]:
        axes = content.axes.replace("N", "") + ("" if "M" in content.axes else "M")
        order = [axes.index(letter) for letter in "TMVC"]
        clips = []
        for row, each in enumerate(rows, start=first_row):
            given = each if "M" in content.axes else each[..., None]
            padded = given.astype(np.float32, copy=False).transpose(order)
            check_finite(padded[None], row, f"{self._path}: `x`")
            if content.num_frames is not None:
                num_frames = int(content.num_frames[row])
                if padded[num_frames:].any():
                    raise DataError(
                        f"{self._path}: row {row} of `x` is not zero after its {num_frames} "
                        "frames; correct `n_frames` or the padding."
                    )
            else:
                seen = np.flatnonzero(padded.any(axis=(1, 2, 3)))
                num_frames = 1 + int(seen.max(initial=0))
            x = padded[:num_frames]
            x = np.ascontiguousarray(two_bodies(x, motion_of(x)) if x.shape[1] > 2 else x)
            ids = {key: column[row].item() for key, column in content.columns.items()}
            clip = SourceClip(f"clip-{row:06d}", x, **ids)
            clips.append(prepare_padded(clip, content.description.centre_joint))
        return clips

    @cached_property
    def _content(self) -> _Content:
        with closing(NpzReader(self._path)) as npz:
            x = npz.header("x")
            if x.dtype.kind != "f" or 0 in x.shape:
                raise npz.wrong("x", "float32 (clip, channel, frame, joint, body)")
            labels = self._labels(npz)
            notes = [f"`label`: {labels.note}"] if labels.note else []
            num_clips = len(labels.label)
            num_frames = None
            if "n_frames" in npz.keys:
                num_frames = self._whole(npz, "n_frames", num_clips, 1, max(x.shape))
            else:
                notes.append(
                    "there is no `n_frames`, so the empty frames at a clip's end are padding"
                )
            axes, note = self._find_axes(npz, x.shape, num_clips, num_frames)
            notes += [f"`x`: {note}"] if note else []
            size = dict(zip(axes, x.shape, strict=True))
            if num_frames is not None and "N" not in axes:
                notes.append("`x` has the frames of all clips one after the other")
            elif num_frames is not None:
                self._whole(npz, "n_frames", num_clips, 1, size["T"])
            num_bodies = size.get("M", 1)
            if num_bodies > 2:
                notes.append(
                    f"of up to {num_bodies} bodies in a clip, the two that move most are kept"
                )
            columns: Columns = {
                "label": labels.label,
                "subject": self._ids(npz, "subject", num_clips),
                "camera": self._ids(npz, "view", num_clips),
            }
            if "train_mask" in npz.keys:
                columns["in_train"] = self._mask(npz, num_clips, notes)
            description = Description(
                self._path.stem,
                labels.class_names,
                size["V"],
                min(num_bodies, 2),
                size["C"],
                centre_joint=self._centre_joint(npz, size["V"]),
                bones=self._bones(npz, size["V"]),
                parts=self._parts(npz, size["V"]),
            )
            return _Content(description, axes, num_frames, columns, notes)

    def _labels(self, npz: NpzReader) -> Labels:
        names = None
        if "class_names" in npz.keys:
            header = npz.header("class_names")
            if len(header.shape) != 1 or header.dtype.kind != "U":
                raise npz.wrong("class_names", "a list of text")
            names = npz.read("class_names").tolist()
        return read_labels(npz.read("label"), f"{self._path}: `label`", names)

    def _find_axes(
        self,
        npz: NpzReader,
        shape: tuple[int, ...],
        num_clips: int,
        num_frames: NDArray[np.int64] | None,
    ) -> tuple[str, str]:
        wanted = self._axes
        if "axes" in npz.keys:
            said = str(npz.read("axes"))
            if wanted not in ("auto", said):
                raise DataError(
                    f"{self._path}: data.axes is {wanted}, but the file says {said}; leave it out."
                )
            wanted = said
        joints = sum(npz.header("parts").shape) if "parts" in npz.keys else None
        joints = joints if joints in shape else None  # a wrong number is said later
        known = Known(num_clips, longest=None, num_frames=None, num_joints=joints)
        if num_frames is not None:
            known = known._replace(longest=num_frames.max(), num_frames=num_frames.sum())
        return find_axes(shape, known, wanted, f"{self._path}: `x`")

    def _mask(self, npz: NpzReader, num_clips: int, notes: list[str]) -> NDArray[np.bool_]:
        header = npz.header("train_mask")
        mask = npz.read("train_mask")
        if header.shape != (num_clips,) or not (
            header.dtype.kind == "b"
            or (header.dtype.kind in "iuf" and bool(((mask == 0) | (mask == 1)).all()))
        ):
            raise npz.wrong("train_mask", f"{num_clips} booleans, or 0 and 1")
        if header.dtype.kind != "b":
            notes.append("`train_mask`: 1 is read as training, 0 as test")
        return mask.astype(np.bool_)

    def _whole(
        self, npz: NpzReader, key: str, length: int, smallest: int, largest: int
    ) -> NDArray[np.int64]:
        """Return an array of whole numbers, a number for each row of ``x`` or each joint."""
        header = npz.header(key)
        if header.shape != (length,) or header.dtype.kind not in "iuf":
            raise npz.wrong(key, f"{length} whole numbers")
        return whole_numbers(npz.read(key), f"{self._path}: `{key}`", smallest, largest)

    def _ids(self, npz: NpzReader, key: str, length: int) -> NDArray[np.int64]:
        """Return ids from 1, or zeros where the file has none."""
        if key not in npz.keys:
            return np.zeros(length, np.int64)
        ids = self._whole(npz, key, length, 0, _MAX_ID - 1)
        return ids + 1 if ids.min() == 0 else ids

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
            part = self._whole(npz, "parts", num_joints, 0, num_joints - 1)
            return {
                f"part {number}": tuple(np.flatnonzero(part == number).tolist())
                for number in sorted(set(part.tolist()))
            }
        parts: dict[str, tuple[int, ...]] = {}
        if "to25" in npz.keys:
            joint = self._whole(npz, "to25", ntu.NUM_JOINTS, 0, num_joints - 1)
            for name, members in ntu.PARTS.items():
                taken = {joint for earlier in parts.values() for joint in earlier}
                parts[name] = tuple(sorted(set(joint[list(members)].tolist()) - taken))
        return {name: joints for name, joints in parts.items() if joints}


FORMAT = Format(
    takes="any other skeletons as an .npz",
    open=PlainNpz,
    recognises=lambda path: path.suffix.lower() == ".npz",
    options=("axes",),
)
