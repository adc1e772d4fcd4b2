"""Pairs of arrays and labels as 2s-AGCN, MS-G3D and ST-GCN write them.

Source: `data_gen/ntu_gendata.py` of 2s-AGCN and `data_gen/ntu120_gendata.py` of MS-G3D write, in
a folder of each protocol, `train_data_joint.npy` and `val_data_joint.npy`, float32 (clip, 3, 300,
25, 2), and `train_label.pkl` and `val_label.pkl`, each (names, labels). ST-GCN calls the arrays
`train_data.npy`. `data_gen/preprocess.py` has centred every frame, turned clips upright and
filled them up to 300 frames by repeating them. For Kinetics-Skeleton (18 joints,
`data_gen/kinetics_gendata.py`) the third channel is the score of a detected 2-D joint.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.actors import motion_of, prepare_padded, two_bodies
from charon.data.formats.labels import Labels, read_labels
from charon.data.formats.pyskl_pickle import read_plain_pickle
from charon.data.formats.scored_joints import ScoreChoice, place_joints
from charon.data.layouts import layout_of
from charon.data.slabs import check_finite, map_slabs
from charon.data.source import Description, Format, Scores, SourceClip, Unreadable
from charon.errors import DataError

_SUFFIXES = ("_data_joint.npy", "_data.npy")
_LABEL = "_label.pkl"
_TRAIN = "train"
_SLAB_BYTES = 32 * 2**20


class _Part(NamedTuple):
    """A pair of files."""

    name: str  # "train", "val"
    data: Path
    x: NDArray[Any]  # (clip, channel, frame, joint, body), memory-mapped
    names: list[str]  # (clip,)
    label: NDArray[np.int64]  # (clip,), as in the file


class AgcnPair:
    """The clips of the pairs in a folder, training clips first; arrays are memory-mapped.

    Clips that repeat themselves to the array's end, and empty frames there, are cut off. Where
    all names are NTU RGB+D's, so are ids and protocols, and the set is named after the protocol
    whose split it has, if that is one only. Every conversion is a note.

    Args:
        path: the folder, or one of its files.
        scores: what becomes of the scores of 18 joints, as in
            :class:`charon.data.source.Reading`.
        min_score: joints with this score are absent.

    Raises:
        DataError: a file is missing, cannot be read, carries code, or does not fit the others.
    """

    def __init__(
        self,
        path: Path,
        *,
        scores: Scores = "threshold",
        min_score: float = ScoreChoice().min_score,
    ) -> None:
        self._folder = path if path.is_dir() else path.parent
        self._choice = ScoreChoice(scores, min_score)
        self._num_cut = 0  # clips whose repetition was cut off
        self._files = _pairs_in(self._folder)
        if not self._files:
            below = sorted({each.parent.name for each in _arrays_in(self._folder, "*/")})
            remedy = f"give one of its folders {', '.join(below)}" if below else "copy both files"
            raise DataError(
                f"{self._folder} has no pair of files such as train_data_joint.npy and "
                f"train_label.pkl; {remedy}."
            )

    def identity(self) -> str:
        """Return a string that changes with any file's path, size or time, or with a choice."""
        status = [file.stat() for pair in self._files.values() for file in pair]
        versions = " ".join(f"{each.st_size} {each.st_mtime_ns}" for each in status)
        chosen = "" if self._choice == ScoreChoice() else f" {self._choice}"
        return f"agcn pair {self._folder.resolve()} {','.join(self._files)} {versions}{chosen}"

    def __len__(self) -> int:
        return sum(len(part.names) for part in self._parts)

    @cached_property
    def description(self) -> Description:
        """Sizes by the arrays, classes by names of NTU RGB+D or by the labels."""
        _, channels, _, joints, bodies = self._parts[0].x.shape
        if self._is_ntu:
            num_classes = 120 if any((part.label >= 60).any() for part in self._parts) else 60
            return ntu.description(self._protocol(num_classes), num_classes)
        layout = layout_of(joints, 2 if self._has_scores else channels)
        kept = channels - (self._has_scores and self._choice.scores == "threshold")
        return Description(
            self._folder.resolve().name,
            self._labels.class_names,
            joints,
            min(bodies, 2),
            kept,
            layout.centre_joint,
            layout.bones,
            layout.parts,
        )

    def notes(self) -> Sequence[str]:
        """Return every conversion in a sentence."""
        bodies, notes = self._parts[0].x.shape[4], []
        if self._labels.note:
            notes.append(f"labels: {self._labels.note}")
        if self._has_scores:
            notes.append(f"18 joints are read as Kinetics-Skeleton's, with scores; {self._choice}")
        if bodies > 2:
            which = "with the highest scores" if self._has_scores else "that move most"
            notes.append(f"of up to {bodies} bodies in a clip, the two {which} are kept")
        if self._num_cut:
            notes.append(
                f"{self._num_cut} of {len(self)} clips repeat themselves up to the last frame of "
                "the array; the repetition was cut off"
            )
        return notes

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every row, using up to ``workers`` threads; a row of zeros is unreadable."""
        first, self._num_cut = 0, 0
        for part in self._parts:
            convert = partial(self._convert, part, self._labels.label[first:])
            for clips in map_slabs(convert, _slabs(part.x), workers):
                self._num_cut += sum(was_cut for _, was_cut in clips)
                yield from (clip for clip, _ in clips)
            first += len(part.names)

    def _convert(
        self, part: _Part, label: NDArray[np.int64], first_row: int, slab: NDArray[Any]
    ) -> list[tuple[SourceClip | Unreadable, bool]]:
        x = slab.astype(np.float32).transpose(0, 2, 4, 3, 1)
        check_finite(x, first_row, str(part.data))
        clips = []
        for row, padded in enumerate(x, start=first_row):
            num_frames, is_repeated = _length(padded)
            clip = self._clip(part, row, int(label[row]), np.ascontiguousarray(padded[:num_frames]))
            clips.append((clip, is_repeated))
        return clips

    def _clip(
        self, part: _Part, row: int, label: int, x: NDArray[np.float32]
    ) -> SourceClip | Unreadable:
        name, about = part.names[row], self.description
        if self._is_ntu:
            return prepare_padded(ntu.parse_name(name).clip(name, x, part.name == _TRAIN))
        if not self._has_scores:
            x = np.ascontiguousarray(two_bodies(x, motion_of(x)) if x.shape[1] > 2 else x)
            clip = SourceClip(name, x, label, in_train=part.name == _TRAIN)
            return prepare_padded(clip, about.centre_joint)
        placed = place_joints(x[..., :2], x[..., 2], self._choice, about.centre_joint)
        if placed is None:
            return Unreadable(name, "no joint of a body was detected in any frame.")
        return SourceClip(name, placed, label, in_train=part.name == _TRAIN)

    @cached_property
    def _parts(self) -> list[_Part]:
        parts = [_read_part(name, *files) for name, files in self._files.items()]
        for part in parts:
            if part.x.shape[1:2] + part.x.shape[3:] != parts[0].x.shape[1:2] + parts[0].x.shape[3:]:
                raise DataError(
                    f"{part.data} has clips of another shape than {parts[0].data}: {part.x.shape} "
                    f"and {parts[0].x.shape}."
                )
        if not _has_scores(parts[0].x) and self._choice != ScoreChoice():
            raise DataError(
                f"{self._folder} has no scores of joints; leave out data.scores and data.min_score."
            )
        return parts

    @cached_property
    def _is_ntu(self) -> bool:
        """Whether all clips are NTU RGB+D's; their labels are then checked against their names."""
        if self._parts[0].x.shape[3:] != (ntu.NUM_JOINTS, ntu.NUM_BODIES):
            return False
        for part in self._parts:
            for name, label in zip(part.names, part.label.tolist(), strict=True):
                try:
                    said = ntu.parse_name(name).label
                except DataError:
                    return False
                if label != said:
                    raise DataError(
                        f"{part.data}: clip {name} has label {label}, but its name says {said}."
                    )
        return True

    @property
    def _has_scores(self) -> bool:
        return _has_scores(self._parts[0].x)

    @cached_property
    def _labels(self) -> Labels:
        label = np.concatenate([part.label for part in self._parts])
        if self._is_ntu:
            return Labels(label, ntu.CLASS_NAMES, "")
        return read_labels(label, f"{self._folder}: the labels")

    def _protocol(self, num_classes: int) -> str:
        """Return the only protocol of which these parts are the split, else the set's name."""
        names = [name for part in self._parts for name in part.names]
        in_train = np.repeat(
            [part.name == _TRAIN for part in self._parts], [len(part.names) for part in self._parts]
        )
        ids = ntu.parse_names(names)
        fitting = [
            benchmark
            for benchmark in sorted(set(ntu.NPZ_FILES.values()))
            if ntu.num_classes_of(benchmark) == num_classes
            and np.array_equal(
                in_train,
                ntu.in_training_set(
                    benchmark, setup=ids.setup, camera=ids.camera, performer=ids.performer
                ),
            )
        ]
        return fitting[0] if len(fitting) == 1 else f"ntu{num_classes}"


def _has_scores(x: NDArray[Any]) -> bool:
    return x.shape[1:4:2] == (3, 18)


def _arrays_in(folder: Path, below: str = "") -> list[Path]:
    return sorted(each for suffix in _SUFFIXES for each in folder.glob(f"{below}*{suffix}"))


def _pairs_in(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Return array and labels of each part, training first."""
    pairs = {}
    for suffix in reversed(_SUFFIXES):
        for data in folder.glob(f"*{suffix}"):
            name = data.name.removesuffix(suffix)
            label = folder / f"{name}{_LABEL}"
            if label.is_file():
                pairs[name] = data, label
    return dict(sorted(pairs.items(), key=lambda pair: (pair[0] != _TRAIN, pair[0])))


def _read_part(name: str, data: Path, labels: Path) -> _Part:
    content = read_plain_pickle(labels)
    if not isinstance(content, tuple | list) or len(content) != 2:
        raise DataError(f"{labels} must have the names and the labels of clips, two lists.")
    names, label = content
    if not isinstance(names, list | tuple) or not all(isinstance(each, str) for each in names):
        raise DataError(f"{labels}: the first of its two lists must have the names of clips.")
    if not isinstance(label, list | tuple | np.ndarray) or len(label) != len(names):
        raise DataError(f"{labels} must have a label for each of its {len(names)} names.")
    if not names or not all(isinstance(each, int | np.integer) and each >= 0 for each in label):
        raise DataError(f"{labels}: labels must be whole numbers from 0, at least one.")
    try:
        x = np.load(data, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{data} is no .npy, or truncated ({error}); copy it again.") from error
    if (
        not isinstance(x, np.ndarray)
        or x.dtype.kind != "f"
        or x.ndim != 5
        or x.shape[0] != len(names)
        or x.shape[1] not in (2, 3)
        or 0 in x.shape
    ):
        raise DataError(
            f"{data} must be float32 ({len(names)} clips as in {labels.name}, 2 or 3 channels, "
            f"frame, joint, body), but it is {getattr(x, 'dtype', type(x))} {np.shape(x)}."
        )
    return _Part(name, data, x, [_clip_name(each) for each in names], np.array(label, np.int64))


def _clip_name(name: str) -> str:
    """Return the name of a clip from that of its file, which MS-G3D gives with its folders."""
    file = name.replace("\\", "/").rpartition("/")[2]
    return file.removesuffix(".skeleton").removesuffix(".json")


def _slabs(x: NDArray[Any]) -> Iterator[NDArray[Any]]:
    step = max(1, _SLAB_BYTES // max(1, prod(x.shape[1:]) * x.dtype.itemsize))
    for start in range(0, len(x), step):
        yield np.array(x[start : start + step])


def _length(x: NDArray[np.float32]) -> tuple[int, bool]:
    """Return the frames of (frame, body, joint, channel) before its end repeats it or is empty.

    The field's scripts fill each body up by repeating it, so the first body tells.
    """
    first = x[:, 0]
    seen = np.flatnonzero(x.any(axis=(1, 2, 3)))
    num_frames = 1 + int(seen.max(initial=0))
    if num_frames < len(x) or not first[0].any():
        return num_frames, False
    again = np.flatnonzero((first[1:] == first[0]).all(axis=(1, 2))) + 1
    for period in again.tolist():
        if np.array_equal(first[period:], first[: len(first) - period]):
            return period, True
    return num_frames, False


def _recognises(path: Path) -> bool:
    if path.is_dir():
        return bool(_pairs_in(path) or any(_arrays_in(path, "*/")))
    return path.name.endswith((*_SUFFIXES, _LABEL)) and path.is_file()


FORMAT = Format(
    takes="a folder of 2s-AGCN's or MS-G3D's train_data_joint.npy, train_label.pkl, ...",
    open=AgcnPair,
    recognises=_recognises,
    options=("scores", "min_score"),
)
