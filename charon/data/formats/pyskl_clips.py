"""Clips of PYSKL's and MMAction2's annotations: NTU RGB+D in 3-D, and any other skeletons.

Source: PYSKL, tools/data/README.md for the fields of an annotation, custom_2d_skeleton.py for
those of one's own videos, PreNormalize2D for the coordinates of images.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.actors import motion_of, prepare_padded, two_bodies
from charon.data.formats.labels import read_labels
from charon.data.formats.scored_joints import ScoreChoice, place_joints
from charon.data.formats.splits import Split, choose_split
from charon.data.layouts import layout_of
from charon.data.slabs import are_finite
from charon.data.source import Description, Scores, SourceClip, Unreadable
from charon.errors import DataError

_REMEDY = "make it again with PYSKL, or download it from its authors"

Annotation = dict[str, Any]


class Choice(NamedTuple):
    """What the user chose; see :class:`charon.data.source.Reading`."""

    split: str = "auto"
    scores: Scores = "threshold"
    min_score: float = ScoreChoice().min_score


class NtuClips:
    """3-D skeletons of NTU RGB+D, in camera coordinates.

    All protocols follow from the clips' NTU names; the split lists, which say the same, are
    not read.

    Raises:
        DataError: an annotation is wrong, or there are no scores or splits to choose.
    """

    notes: Sequence[str] = ()

    def __init__(self, path: Path, annotations: list[Annotation], _: Any, choice: Choice) -> None:
        self._path, self._annotations = path, annotations
        for index, annotation in enumerate(annotations):
            problem = _problem_of_ntu(annotation)
            if problem:
                raise DataError(f"{path}: annotation {index} {problem}; {_REMEDY}.")
        _refuse_choice(path, choice, has_scores=False, has_splits=False)

    @staticmethod
    def takes(annotations: list[Any]) -> bool:
        """Return whether these are annotations of NTU RGB+D in 3-D, by the first."""
        if not annotations:
            return True
        first = annotations[0]
        if not isinstance(first, dict) or "keypoint_score" in first or "img_shape" in first:
            return False
        return _is_ntu_name(str(first.get("frame_dir")))

    @property
    def description(self) -> Description:
        """60 classes if no clip's label is above, else 120."""
        num_classes = 120 if any(clip["label"] >= 60 for clip in self._annotations) else 60
        return ntu.description(f"ntu{num_classes}", num_classes)

    def __len__(self) -> int:
        return len(self._annotations)

    def clips(self) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in order."""
        for annotation in self._annotations:
            name, keypoint = annotation["frame_dir"], annotation["keypoint"]
            num_bodies, num_frames = keypoint.shape[:2]
            x = np.zeros((num_frames, ntu.NUM_BODIES, ntu.NUM_JOINTS, 3), np.float32)
            x[:, :num_bodies] = keypoint.swapaxes(0, 1)
            _check_finite(x, self._path, name)
            yield prepare_padded(ntu.parse_name(name).clip(name, x))


class AnyClips:
    """Skeletons of any joints: detected in images (2-D, with scores), or 3-D.

    2-D coordinates are divided by half the image's width and height, with the origin of a clip
    as in :func:`~charon.data.formats.scored_joints.place_joints`. Differs from PYSKL: y points
    up, as in all other sets here. Of more than two bodies, the two with the largest sum of
    scores (in 3-D, that move most) are kept. 2-D clips of NTU RGB+D keep its ids and protocols;
    other sets are split by their lists.

    Raises:
        DataError: an annotation is wrong, annotations differ in their joints, or the split is not
            known.
    """

    def __init__(
        self, path: Path, annotations: list[Annotation], split: Any, choice: Choice
    ) -> None:
        self._path = path
        self._scores = ScoreChoice(choice.scores, choice.min_score)
        for index, annotation in enumerate(annotations):
            problem = _problem(annotation, annotations[0])
            if problem:
                raise DataError(f"{path}: annotation {index} {problem}; {_REMEDY}.")
        self._joints, self._channels = _joints_of(annotations[0])
        has_scores = self._channels == 2 and any(_has_scores(each) for each in annotations)
        self._is_ntu = all(_is_ntu_name(_name(each)) for each in annotations)
        _refuse_choice(path, choice, has_scores, has_splits=not self._is_ntu)
        self._split: Split | None = None
        self.notes: list[str] = []
        if self._is_ntu:
            self._check_ntu_labels(annotations)
        else:
            self._split = choose_split(split, choice.split, path)
        if self._split is not None:
            annotations = self._kept(annotations, self._split)
        self._annotations = annotations
        where = f"{path}: `label`"
        self._labels = read_labels(np.array([each["label"] for each in annotations]), where)
        self._say(has_scores)

    def _kept(self, annotations: list[Annotation], split: Split) -> list[Annotation]:
        kept = [each for each in annotations if split.has(_name(each))]
        if not kept:
            raise DataError(
                f"{self._path}: none of its {len(annotations)} clips is in the lists {split.name}; "
                f"choose other lists with --set data.split=TRAIN/TEST, or {_REMEDY}."
            )
        self.notes.append(split.note)
        if len(kept) < len(annotations):
            left = len(annotations) - len(kept)
            self.notes.append(f"{left} clips in neither list of {split.name} are left out")
        return kept

    def _say(self, has_scores: bool) -> None:
        if self._labels.note and not self._is_ntu:
            self.notes.append(f"`label`: {self._labels.note}")
        if self._channels == 2:
            said = "2-D coordinates are divided by half the image's width and height, y points up"
            self.notes.append(f"{said}; {self._scores}" if has_scores else said)
        crowded = sum(_num_bodies(each) > ntu.NUM_BODIES for each in self._annotations)
        if crowded:
            which = "with the highest scores" if has_scores else "that move most"
            self.notes.append(
                f"{crowded} clips have more than two bodies, of which the two {which} are kept"
            )

    def _check_ntu_labels(self, annotations: list[Annotation]) -> None:
        for annotation in annotations:
            label = ntu.parse_name(_name(annotation)).label
            if annotation["label"] != label:
                raise DataError(
                    f"{self._path}: ({_name(annotation)}) has label {annotation['label']}, but its "
                    f"name says {label}; {_REMEDY}."
                )

    @cached_property
    def description(self) -> Description:
        """The joints of the annotations; 2-D sets of NTU RGB+D are called so."""
        layout = layout_of(self._joints, self._channels)
        num_classes = 120 if any(each["label"] >= 60 for each in self._annotations) else 60
        return Description(
            f"ntu{num_classes}-{self._channels}d" if self._is_ntu else self._path.stem,
            ntu.CLASS_NAMES[:num_classes] if self._is_ntu else self._labels.class_names,
            self._joints,
            min(2, max([1, *map(_num_bodies, self._annotations)])),
            self._channels + (self._scores.scores == "channel"),
            layout.centre_joint,
            layout.bones,
            layout.parts,
            is_ntu=self._is_ntu,
        )

    def __len__(self) -> int:
        return len(self._annotations)

    def clips(self) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in order; one without a body is unreadable."""
        about = self.description
        for annotation, label in zip(self._annotations, self._labels.label.tolist(), strict=True):
            name = _name(annotation)
            x, score = _arrays(annotation)
            _check_finite(x, self._path, name)
            clip = self._pose(annotation, x, score) if x.size else None
            if clip is None or not len(clip):
                yield Unreadable(name, "no joint of a body was detected in any frame.")
                continue
            padded = np.zeros((len(clip), about.num_bodies, *clip.shape[2:]), np.float32)
            padded[:, : clip.shape[1]] = clip
            in_train = None if self._split is None else name in self._split.train
            made = SourceClip(name, padded, label, in_train=in_train)
            if self._is_ntu:
                made = ntu.parse_name(name).clip(name, padded)
            yield made if self._channels == 2 else prepare_padded(made, about.centre_joint)

    def _pose(
        self, annotation: Annotation, x: NDArray[np.float32], score: NDArray[np.float32]
    ) -> NDArray[np.float32] | None:
        """Return (frame, body, joint, channel) of at most two bodies."""
        if self._channels == 3:
            return two_bodies(x, motion_of(x)) if x.shape[1] > 2 else x
        height, width = _image_shape(annotation)
        half = np.array([width, height], np.float32) / np.float32(2)
        placed: NDArray[np.float32] = (x - half) / half * np.array([1, -1], np.float32)
        return place_joints(placed, score, self._scores, self.description.centre_joint)


def _name(annotation: Annotation) -> str:
    return str(annotation["frame_dir" if "frame_dir" in annotation else "filename"])


def _is_ntu_name(name: str) -> bool:
    try:
        ntu.parse_name(name)
    except DataError:
        return False
    return True


def _is_compressed(annotation: Annotation) -> bool:
    """Return whether bodies lie one after the other, with their frame and score (--compress)."""
    return "frame_inds" in annotation and annotation["keypoint"].ndim == 3


def _has_scores(annotation: Annotation) -> bool:
    return "keypoint_score" in annotation or _is_compressed(annotation)


def _joints_of(annotation: Annotation) -> tuple[int, int]:
    """Return the number of joints and of coordinates."""
    joints, channels = annotation["keypoint"].shape[-2:]
    return joints, 2 if _is_compressed(annotation) else channels


def _num_bodies(annotation: Annotation) -> int:
    if _is_compressed(annotation):
        return int(np.bincount(annotation["frame_inds"], minlength=1).max())
    return int(annotation["keypoint"].shape[0])


def _image_shape(annotation: Annotation) -> tuple[float, float]:
    shape = annotation["img_shape" if "img_shape" in annotation else "original_shape"]
    return float(shape[0]), float(shape[1])


def _arrays(annotation: Annotation) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return coordinates (frame, body, joint, channel) and scores (frame, body, joint)."""
    keypoint = annotation["keypoint"].astype(np.float32)
    if _is_compressed(annotation):
        frame = annotation["frame_inds"].astype(np.int64)
        full = np.zeros((annotation["total_frames"], _num_bodies(annotation), *keypoint.shape[1:]))
        order = np.argsort(frame, kind="stable")
        first = np.searchsorted(frame[order], frame[order])
        full[frame[order], np.arange(len(order)) - first] = keypoint[order]
        return full[..., :2].astype(np.float32), full[..., 2].astype(np.float32)
    x = keypoint.swapaxes(0, 1)
    if "keypoint_score" in annotation:
        return x, annotation["keypoint_score"].astype(np.float32).swapaxes(0, 1)
    return x, np.any(x != 0, axis=3).astype(np.float32)


def _check_finite(x: NDArray[np.float32], path: Path, name: str) -> None:
    if not are_finite(x):
        raise DataError(
            f"{path}: clip {name} has a value that is NaN or infinite, or beyond 1e9; "
            "repair or remove that clip."
        )


def _refuse_choice(path: Path, choice: Choice, has_scores: bool, has_splits: bool) -> None:
    """Refuse a choice that the file does not leave."""
    scores = choice.scores, choice.min_score
    if not has_scores and scores != (Choice().scores, Choice().min_score):
        raise DataError(
            f"{path} has no scores of joints (`keypoint_score`); leave out data.scores and "
            "data.min_score."
        )
    if not has_splits and choice.split != "auto":
        raise DataError(
            f"{path} has the clips of NTU RGB+D, whose protocols follow from their names; choose "
            "one with --benchmark or data.benchmark, and leave out data.split."
        )


def _problem(annotation: Any, first: Any) -> str:
    """Return what is wrong with an annotation of any skeleton, or nothing."""
    if not isinstance(annotation, dict):
        return "is not a dictionary"
    name = annotation.get("frame_dir", annotation.get("filename"))
    if not isinstance(name, str):
        return "has no `frame_dir` that is text"
    if "label" not in annotation:
        return f"({name}) has no `label`, and cannot be learned"
    if not isinstance(annotation["label"], int | np.integer) or annotation["label"] < 0:
        return f"({name}) must have a whole number from 0 as `label`"
    keypoint = annotation.get("keypoint")
    if not isinstance(keypoint, np.ndarray) or keypoint.dtype.kind != "f":
        beside = ", but its `raw_file` beside it, as in k400_hrnet.pkl" * ("raw_file" in annotation)
        return f"({name}) has no float array `keypoint`{beside}"
    return (
        _problem_of_frames(annotation)
        or (_joints_of(annotation) != _joints_of(first) and _other_joints(annotation, first))
        or (_joints_of(annotation)[1] == 2 and _problem_of_image(annotation))
        or ""
    )


def _other_joints(annotation: Annotation, first: Annotation) -> str:
    return (
        f"({_name(annotation)}) has (joints, coordinates) {_joints_of(annotation)}, but the first "
        f"annotation has {_joints_of(first)}"
    )


def _problem_of_frames(annotation: Annotation) -> str:
    shape, said = annotation["keypoint"].shape, annotation.get("total_frames")
    of = f"({_name(annotation)}) "
    if _is_compressed(annotation):
        frame = annotation["frame_inds"]
        if not isinstance(said, int | np.integer) or shape[2] != 3 or not shape[1]:
            return f"{of}must have `total_frames` and a `keypoint` (body, joint, 3), not {shape}"
        if not isinstance(frame, np.ndarray) or frame.dtype.kind not in "iu":
            return f"{of}must have an array of whole numbers `frame_inds`"
        if frame.shape != shape[:1] or not ((frame >= 0) & (frame < said)).all():
            return f"{of}must have a `frame_inds` below {said} for each of {shape[0]} bodies"
        return ""
    if len(shape) != 4 or shape[3] not in (2, 3) or not shape[2]:
        return f"{of}must have a `keypoint` of shape (body, frame, joint, 2 or 3), not {shape}"
    if said is not None and said != shape[1]:
        return f"{of}has {said} `total_frames`, but {shape[1]} in it"
    score = annotation.get("keypoint_score")
    if score is not None and shape[3] == 3:
        return f"{of}has a `keypoint_score` beside 3 coordinates; of which 2 are expected"
    if score is not None and (
        not isinstance(score, np.ndarray) or score.dtype.kind != "f" or score.shape != shape[:3]
    ):
        return f"{of}must have a float `keypoint_score` of shape {shape[:3]}"
    if score is not None and not np.isfinite(score).all():
        return f"{of}has a score that is NaN or infinite"
    return ""


def _problem_of_image(annotation: Annotation) -> str:
    shape = annotation.get("img_shape", annotation.get("original_shape"))
    if not isinstance(shape, tuple | list | np.ndarray) or len(shape) != 2:
        return f"({_name(annotation)}) has no `img_shape` (height, width), as 2-D joints need"
    if not all(isinstance(each, int | float | np.number) and each > 0 for each in shape):
        return f"({_name(annotation)}) has the `img_shape` {tuple(shape)}, which must be positive"
    return ""


def _problem_of_ntu(annotation: Any) -> str:
    """Return what is wrong with a 3-D annotation of NTU RGB+D, or nothing."""
    if not isinstance(annotation, dict):
        return "is not a dictionary"
    for key, kinds in (
        ("frame_dir", str),
        ("label", (int, np.integer)),
        ("keypoint", np.ndarray),
        ("total_frames", (int, np.integer)),
    ):
        if key not in annotation:
            return f"has no `{key}`"
        if not isinstance(annotation[key], kinds):
            return f"has a `{key}` that is a {type(annotation[key]).__name__}"
    name, shape = annotation["frame_dir"], annotation["keypoint"].shape
    if annotation["keypoint"].dtype.kind != "f" or shape[2:] != (ntu.NUM_JOINTS, 3):
        return f"({name}) must have a float `keypoint` of shape (body, frame, 25, 3), not {shape}"
    if len(shape) != 4 or not 1 <= shape[0] <= ntu.NUM_BODIES or shape[1] < 1:
        return f"({name}) must have a `keypoint` of 1 or 2 bodies and a frame, not {shape}"
    if annotation["total_frames"] != shape[1]:
        return f"({name}) has {annotation['total_frames']} `total_frames`, but {shape[1]} in it"
    try:
        label = ntu.parse_name(name).label
    except DataError as error:
        return f"has a wrong `frame_dir`: {error}".rstrip(".")
    if annotation["label"] != label:
        return f"({name}) has label {annotation['label']}, but its name says {label}"
    return ""
