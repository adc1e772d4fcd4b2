"""The padded .npz files of NTU RGB+D that the field trains on.

Source: the preparation scripts of CTR-GCN and STTFormer write x_train, y_train, x_test and
y_test: x float32 (clip, 300, 150), centred and zero-padded, 150 = body (2) x joint (25) x xyz;
y one-hot.
"""

import logging
from collections.abc import Iterator
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.actors import prepare_padded
from charon.data.slabs import check_finite, map_slabs
from charon.data.source import Description, Format, SourceClip, SourceFile, Unreadable
from charon.errors import DataError
from charon.npz import NpzReader

_LOG = logging.getLogger(__name__)

_ARRAYS = {"x_train", "y_train"}
_VALUES = ntu.NUM_BODIES * ntu.NUM_JOINTS * 3
_PARTS = ("train", "test")
_NUM_CLIPS = {60: 56_578, 120: 113_945}
"""Usable clips by number of classes: a file with another number has not all rows."""

_BENCHMARKS = {name.lower(): benchmark for name, benchmark in ntu.NPZ_FILES.items()}


class NtuNpz(SourceFile):
    """A file of the field, train rows first.

    If its labels are those of the whole protocol in the field's order, names and ids are
    restored; otherwise clips are called ``train-000000``, their ids are 0, and only the file's
    split can be used.

    The protocol is that of the file's name where it has one of those in
    :data:`charon.data.ntu.NPZ_FILES`, else the one whose rows it has, else ``benchmark``.

    Raises:
        DataError: the file cannot be read, an array is missing or has a wrong shape, type
            or label, or its protocol is not known.
    """

    kind = "ntu npz"

    def __init__(self, path: Path, *, benchmark: str = "auto") -> None:
        super().__init__(path)
        self._named = _BENCHMARKS.get(path.name.lower())
        self._said = benchmark

    def identity(self) -> str:
        """Return a string that changes with the file's path, size or time, or its protocol."""
        return super().identity() + ("" if self._named else f" {self._said}")

    @property
    def description(self) -> Description:
        """60 or 120 classes, by the file's name, which names the set too."""
        return ntu.description(self._benchmark, ntu.num_classes_of(self._benchmark))

    def __len__(self) -> int:
        return sum(map(len, self._labels.values()))

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every row, using up to ``workers`` threads; a row of zeros is unreadable."""
        names = self._names()
        num_duplicated = 0
        with closing(NpzReader(self._path)) as npz:
            for part in _PARTS:
                convert = partial(self._convert, part, names[part] if names else None)
                for clips in map_slabs(convert, npz.slabs(f"x_{part}"), workers):
                    num_duplicated += sum(getattr(clip, "duplicated", False) for clip in clips)
                    yield from clips
        if num_duplicated:
            _LOG.warning(
                "%s: in %d clips body 2 is an exact copy of body 1; the copies were set to zero.",
                self._path,
                num_duplicated,
            )

    @cached_property
    def _benchmark(self) -> str:
        """The protocol that the file holds."""
        if self._named:
            return self._named
        whole = [each for each in sorted(set(_BENCHMARKS.values())) if self._has_rows_of(each)]
        if whole:
            return whole[0]
        if self._said == "auto":
            raise DataError(
                f"{self._path} has the arrays of an NTU RGB+D file, but neither the name of one "
                f"({', '.join(ntu.NPZ_FILES)}) nor all rows of a protocol; say which protocol it "
                f"holds: {', '.join(sorted(set(_BENCHMARKS.values())))}, with --benchmark or "
                "--set data.benchmark=NAME."
            )
        # The new classes of NTU RGB+D 120 are no file's, but a part of a whole one's.
        return self._said.replace("ntu120new", "ntu120")

    @cached_property
    def _labels(self) -> dict[str, NDArray[np.int64]]:
        with closing(NpzReader(self._path)) as npz:
            return {part: self._read_labels(npz, part) for part in _PARTS}

    def _read_labels(self, npz: NpzReader, part: str) -> NDArray[np.int64]:
        x, y = npz.header(f"x_{part}"), npz.header(f"y_{part}")
        if x.dtype.kind != "f" or len(x.shape) != 3 or x.shape[1] < 1 or x.shape[2] != _VALUES:
            raise npz.wrong(f"x_{part}", f"float32 (clip, 300, {_VALUES})")
        given = self._named or (None if self._said == "auto" else self._said)
        possible = (ntu.num_classes_of(given),) if given else (60, 120)
        if y.dtype.kind not in "fiub" or y.shape not in [(x.shape[0], each) for each in possible]:
            classes = " or ".join(map(str, possible))
            wanted = f"one-hot ({x.shape[0]}, {classes}), a row for each row of `x_{part}`"
            raise npz.wrong(f"y_{part}", wanted)
        labels = [np.empty(0, np.int64)]
        for slab in npz.slabs(f"y_{part}"):
            wrong = np.flatnonzero(((slab != 0) & (slab != 1)).any(1) | (slab.sum(1) != 1))
            if len(wrong):
                row = sum(map(len, labels)) + int(wrong[0])
                raise DataError(f"{self._path}: row {row} of `y_{part}` is not one-hot.")
            labels.append(slab.argmax(axis=1))
        return np.concatenate(labels)

    def _names(self) -> dict[str, tuple[str, ...]] | None:
        """Return the names of all rows, or None if the file is not the whole protocol."""
        names = dict(zip(_PARTS, ntu.row_names(self._benchmark), strict=True))
        if self._has_rows_of(self._benchmark):
            return names
        _LOG.warning(
            "%s has not the rows of %s in the field's order (%s), so who performs in a clip is "
            "unknown: only its own split can be used, and validation is cut by clips.",
            self._path,
            self._benchmark,
            " and ".join(f"{len(names[part]):,} for {part}" for part in _PARTS),
        )
        return None

    def _has_rows_of(self, benchmark: str) -> bool:
        """Return whether the labels are those of the whole protocol in the field's order."""
        given = [self._labels[part] for part in _PARTS]
        if sum(map(len, given)) != _NUM_CLIPS[ntu.num_classes_of(benchmark)]:
            return False
        names = ntu.row_names(benchmark)
        return all(
            np.array_equal(ntu.parse_names(rows).label, labels)
            for rows, labels in zip(names, given, strict=True)
        )

    def _convert(
        self, part: str, names: tuple[str, ...] | None, first_row: int, slab: NDArray[Any]
    ) -> list[SourceClip | Unreadable]:
        check_finite(slab, first_row, f"{self._path}: `x_{part}`")
        x = slab.astype(np.float32, copy=False).reshape(
            *slab.shape[:2], ntu.NUM_BODIES, ntu.NUM_JOINTS, 3
        )
        clips: list[SourceClip | Unreadable] = []
        seen = np.asarray(slab.any(axis=2))
        for row, padded in enumerate(x, start=first_row):
            num_frames = 1 + int(np.flatnonzero(seen[row - first_row]).max(initial=-1))
            name = names[row] if names else f"{part}-{row:06d}"
            label = int(self._labels[part][row])
            ids = ntu.parse_name(name) if names else ntu.ClipIds(0, 0, 0, 0, label)
            # The field's files are centred already, and centring again changes nothing.
            clips.append(prepare_padded(ids.clip(name, padded[:num_frames], part == "train")))
        return clips


def _recognises(path: Path) -> bool:
    if path.name.lower() in _BENCHMARKS:
        return True
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    try:
        with closing(NpzReader(path)) as npz:
            return npz.keys >= _ARRAYS
    except DataError:
        return False  # whoever reads it says what is wrong


FORMAT = Format(
    takes="an .npz of NTU RGB+D as CTR-GCN prepares it",
    open=NtuNpz,
    recognises=_recognises,
    options=("benchmark",),
)
