"""Protocols: the split of a set into training, validation and test clips."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.cache.archive import Archive
from charon.data.validation import hold_out_clips, hold_out_people
from charon.errors import ConfigError, DataError

BENCHMARKS: tuple[str, ...] = ("auto", *ntu.BENCHMARKS)

STRATIFIED_TRAIN_SHARE = 0.7
"""Share of each class's clips that trains where a set has neither a split nor ids."""


@dataclass(frozen=True)
class Split:
    """Rows of an archive, int64, each in the order of the clips' names; no row is in two sets."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    val: NDArray[np.int64]  # taken out of the training set; may be empty
    protocol: str  # a benchmark, "given split", "subjects" or "stratified clips"; see split
    val_rule: str  # how ``val`` was chosen, in words
    classes: range  # labels of the benchmark's classes, not always all of the archive's


def split(
    archive: Archive, benchmark: str = "auto", *, val_fraction: float = 0.0, seed: int
) -> Split:
    """Return the rows of a benchmark; the order of clips in the archive does not matter.

    Args:
        archive: the prepared set.
        benchmark: of NTU RGB+D, or ``auto``: for NTU RGB+D the protocol that the file is named
            after, else ntu60-xview or ntu120-xset by the number of classes; for other data the
            set's split, else every other subject (by id, the first trains), else 70 % of each
            class's clips.
        val_fraction: share of the training clips to hold out, in [0, 1), in whole people; see
            :mod:`charon.data.validation`.
        seed: of the draw of validation people or clips; train and test do not depend on it.

    Raises:
        ConfigError: the benchmark is unknown or does not belong to this set, or
            ``val_fraction`` is out of range or cannot be met.
        DataError: a class has no clip to train on, or the test set is empty.
    """
    if benchmark not in BENCHMARKS:
        raise ConfigError(f"Unknown benchmark `{benchmark}`; known are {', '.join(BENCHMARKS)}.")
    if not 0 <= val_fraction < 1:
        raise ConfigError(
            f"`0 <= val_fraction < 1` must hold, but got val_fraction={val_fraction}."
        )
    in_train, protocol = _training_clips(archive, benchmark)
    classes = range(len(archive.description.class_names))
    if protocol in ntu.BENCHMARKS:
        classes = ntu.classes_of(protocol)
    by_name = np.argsort(archive.names, kind="stable")
    by_name = by_name[np.isin(archive.label[by_name], classes)]
    train, test = by_name[in_train[by_name]], by_name[~in_train[by_name]]
    _check_not_empty(archive, train, test, protocol, classes)
    if val_fraction == 0:
        return Split(train, test, np.empty(0, np.int64), protocol, "none", classes)
    if archive.subject[train].all():
        held_out, val_rule = hold_out_people(archive, train, classes, val_fraction, seed)
    else:
        held_out, val_rule = hold_out_clips(archive.label[train], val_fraction, seed)
    return Split(train[~held_out], test, train[held_out], protocol, val_rule, classes)


def _training_clips(archive: Archive, benchmark: str) -> tuple[NDArray[np.bool_], str]:
    """Return bool (clip,), and the name of the rule."""
    if archive.description.is_ntu:
        return _ntu_training_clips(archive, benchmark)
    if benchmark != "auto":
        raise ConfigError(
            f"The benchmark `{benchmark}` is one of NTU RGB+D, but {archive.source} is another "
            "set; choose `auto`."
        )
    if (archive.in_train >= 0).all():
        return archive.in_train == 1, "given split"
    people = np.unique(archive.subject)
    if people[0] > 0 and len(people) > 1:
        return np.isin(archive.subject, people[::2]), "subjects"
    # One cut for all: the test set must not change with the seed of a run.
    by_name = np.argsort(archive.names, kind="stable")
    tested, _ = hold_out_clips(archive.label[by_name], 1 - STRATIFIED_TRAIN_SHARE, seed=0)
    in_train = np.ones(archive.num_clips, bool)
    in_train[by_name[tested]] = False
    return in_train, "stratified clips"


def _ntu_training_clips(archive: Archive, benchmark: str) -> tuple[NDArray[np.bool_], str]:
    about = archive.description
    num_classes = len(about.class_names)
    named, asked = (
        next((known for known in ntu.BENCHMARKS if known == name), None)
        for name in (about.name, benchmark)
    )
    if not archive.subject.all():
        if named is None or benchmark not in ("auto", named):
            raise ConfigError(
                f"{archive.source} does not say who performs in its clips, so only its own split"
                f"{f', {named},' if named else ''} can be used, not {benchmark}; choose `auto`."
            )
        return archive.in_train == 1, named
    chosen = asked or named or ("ntu60-xview" if num_classes == 60 else "ntu120-xset")
    if ntu.num_classes_of(chosen) > num_classes:
        remedy = "; use the data `standin-120`" if about.is_standin else ""
        raise ConfigError(
            f"The benchmark `{chosen}` has {ntu.num_classes_of(chosen)} classes, but "
            f"{archive.source} has {num_classes}{remedy}."
        )
    in_train = ntu.in_training_set(
        chosen, setup=archive.setup, camera=archive.camera, performer=archive.subject
    )
    return in_train, chosen


def _check_not_empty(
    archive: Archive,
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    protocol: str,
    classes: range,
) -> None:
    names = archive.description.class_names
    missing = sorted(set(classes) - set(archive.label[train].tolist()))
    if missing:
        others = f" and {len(missing) - 1} other classes" if len(missing) > 1 else ""
        raise DataError(
            f"{archive.source}: class {missing[0]} ({names[missing[0]]}){others} of {protocol} "
            "would be empty, without a clip to train on; add their clips."
        )
    if not len(test):
        raise DataError(f"{archive.source}: the test set of {protocol} would be empty; add clips.")
