"""Protocols: the split of a set into training, validation and test clips.

A performance is filmed by up to three cameras at once, so clips of it both in the training and
in the validation set would inflate the validation accuracy: whole people are held out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.cache.archive import Archive
from charon.data.class_lists import ClassList, labels_of
from charon.errors import ConfigError, DataError
from charon.seeding import numpy_generator


@dataclass(frozen=True)
class Split:
    """Rows of an archive, int64, each in the order of the clips' names; no row is in two sets."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    val: NDArray[np.int64]  # taken out of the training set; may be empty
    protocol: str  # a benchmark, "given split", "subjects" or "stratified clips", or part of one
    val_rule: str  # how ``val`` was chosen, in words
    classes: Sequence[int]  # labels of the classes chosen, ascending; not always all there are


def split(
    archive: Archive,
    benchmark: Literal["auto", ntu.Benchmark] = "auto",
    *,
    classes: ClassList = "all",
    val_fraction: float = 0.0,
    seed: int,
) -> Split:
    """Return the rows of a benchmark; the order of clips in the archive does not matter.

    ``auto`` is for NTU RGB+D the protocol that the file is named after, else ntu60-xview or
    ntu120-xset by the number of classes; for other data the set's split, else every other
    subject (by id, the first trains), else 70 % of each class's clips.

    ``classes`` is ``all``; ``present``, those with clips to train on and to test on; or a list
    (:mod:`charon.data.class_lists`). Of some classes the protocol is named "part of" the whole.

    ``val_fraction``, in [0, 1), is the share of the training clips to hold out, in whole people
    where they are known; every class keeps clips on both sides. ``seed`` draws these people or
    clips; train and test do not depend on it.

    Raises:
        ConfigError: the benchmark or a class does not belong to this set, or ``val_fraction``
            cannot be met.
        DataError: a class has no clip to train on, or the test set is empty.
    """
    in_train, protocol = _training_clips(archive, benchmark)
    chosen, protocol = _choose(archive, in_train, protocol, classes)
    by_name = np.argsort(archive.names, kind="stable")
    by_name = by_name[np.isin(archive.label[by_name], chosen)]
    train, test = by_name[in_train[by_name]], by_name[~in_train[by_name]]
    whole = Split(train, test, np.empty(0, np.int64), protocol, "none", chosen)
    _check_not_empty(archive, whole)
    if val_fraction == 0:
        return whole
    if archive.subject[train].all():
        held_out, val_rule = _hold_out_people(archive, train, chosen, val_fraction, seed)
    else:
        held_out, val_rule = _hold_out_clips(archive.label[train], val_fraction, seed)
    return replace(whole, train=train[~held_out], val=train[held_out], val_rule=val_rule)


def chosen_classes(
    archive: Archive, benchmark: Literal["auto", ntu.Benchmark], classes: ClassList
) -> Sequence[int]:
    """Return the labels of the classes that :func:`split` chooses.

    Raises:
        ConfigError: the benchmark or a class does not belong to this set.
        DataError: no class is present.
    """
    in_train, protocol = _training_clips(archive, benchmark)
    return _choose(archive, in_train, protocol, classes)[0]


def _choose(
    archive: Archive, in_train: NDArray[np.bool_], protocol: str, given: ClassList
) -> tuple[Sequence[int], str]:
    """Return the labels of the classes chosen, and the protocol's name with them."""
    about = archive.description
    whole = range(len(about.class_names))
    if protocol in ntu.BENCHMARKS:
        whole = ntu.classes_of(protocol)
    if given == "all":
        return whole, protocol
    if given == "present":
        trained, tested = (set(archive.label[part].tolist()) for part in (in_train, ~in_train))
        chosen = [label for label in whole if label in trained and label in tested]
        if not chosen:
            raise DataError(
                f"{archive.source}: no class has both training and test clips under {protocol}; "
                "choose another benchmark, or add clips."
            )
    else:
        chosen = sorted(labels_of(given, about, "classes"))
        other = [label for label in chosen if label not in whole]
        if other:
            raise ConfigError(
                f"classes lists class {other[0]} ({about.class_names[other[0]]}), which is not "
                f"in {protocol}; leave it out, or choose another benchmark."
            )
    parts = [f"{len(chosen)} of {len(whole)} classes"]
    people = len(set(archive.subject[np.isin(archive.label, chosen)].tolist()) - {0})
    if about.is_ntu and 0 < people < ntu.num_performers_of(protocol):
        parts.append(f"{people} of {ntu.num_performers_of(protocol)} performers")
    return tuple(chosen), f"part of {protocol}: {', '.join(parts)}"


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
    tested, _ = _hold_out_clips(archive.label[by_name], 1 - 0.7, seed=0)
    in_train = np.ones(archive.num_clips, bool)
    in_train[by_name[tested]] = False
    return in_train, "stratified clips"


def _ntu_training_clips(archive: Archive, benchmark: str) -> tuple[NDArray[np.bool_], str]:
    about = archive.description
    num_classes = len(about.class_names)
    named = about.name if about.name in ntu.BENCHMARKS else ""
    if not archive.subject.all():
        if not named or benchmark not in ("auto", named):
            raise ConfigError(
                f"{archive.source} does not say who performs in its clips, so only its own split"
                f"{f', {named},' if named else ''} can be used, not {benchmark}; choose `auto`."
            )
        return archive.in_train == 1, named
    chosen = benchmark
    if benchmark == "auto":
        chosen = named or ("ntu60-xview" if num_classes == 60 else "ntu120-xset")
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


def _check_not_empty(archive: Archive, split: Split) -> None:
    names, protocol = archive.description.class_names, split.protocol
    missing = sorted(set(split.classes) - set(archive.label[split.train].tolist()))
    if missing:
        others = f" and {len(missing) - 1} other classes" if len(missing) > 1 else ""
        raise DataError(
            f"{archive.source}: class {missing[0]} ({names[missing[0]]}){others} of {protocol} "
            "would be empty, without a clip to train on; add their clips, or take the classes "
            "that are there with data.classes=present."
        )
    if not len(split.test):
        raise DataError(f"{archive.source}: the test set of {protocol} would be empty; add clips.")


def _hold_out_people(
    archive: Archive, train: NDArray[np.int64], classes: Sequence[int], fraction: float, seed: int
) -> tuple[NDArray[np.bool_], str]:
    """Choose people of about ``fraction`` of the rows ``train``: bool (row,), the rule in words.

    Every one of ``classes`` keeps clips on both sides. With all of NTU RGB+D 120, performers up
    to 40 and above are drawn separately, to that share of each group's clips.
    """
    people, person = np.unique(archive.subject[train], return_inverse=True)
    clips = np.zeros((len(people), len(archive.description.class_names)), np.int64)
    np.add.at(clips, (person, archive.label[train]), 1)
    rng = numpy_generator(seed, "validation")
    chosen: list[NDArray[np.intp]] = []
    clips = clips[:, list(classes)]
    has_both = archive.description.is_ntu and classes[0] < 60 <= classes[-1]
    for group, to_keep in _groups(has_both, people, clips):
        draw = _draw(clips[group].sum(axis=1), clips[np.ix_(group, to_keep)], fraction, rng)
        if draw is None:
            raise ConfigError(
                f"No choice among {len(group)} people leaves every class with clips to train on "
                f"and clips to validate on, so val_fraction={fraction} cannot be met; set it to 0."
            )
        chosen.append(group[draw])
    held_out = np.sort(np.concatenate(chosen))
    noun = "performers" if archive.description.is_ntu else "subjects"
    rule = f"held-out {noun} {', '.join(map(str, people[held_out]))}"
    return np.isin(person, held_out), rule


def _groups(
    has_both: bool, people: NDArray[np.int16], clips: NDArray[np.int64]
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the groups of people to draw from, and the classes each must keep on both sides.

    ``has_both`` is whether classes of NTU RGB+D 60 and those that 120 adds are among them.
    """
    if not has_both:
        return [(np.arange(len(people)), np.arange(clips.shape[1]))]
    # Performers up to 40 act A1-A60, the others only A61-A120 (6, 8 and 11 act in both): a class
    # belongs to the group in which more people act it.
    early = people <= 40
    acts = clips > 0
    is_early_class = acts[early].sum(axis=0) >= acts[~early].sum(axis=0)
    return [
        (np.flatnonzero(group), np.flatnonzero(is_early_class == is_early))
        for group, is_early in ((early, True), (~early, False))
        if group.any()
    ]


def _draw(
    sizes: NDArray[np.int64], clips: NDArray[np.int64], fraction: float, rng: np.random.Generator
) -> NDArray[np.intp] | None:
    """Return the people of the random draw nearest to ``fraction``, or None if none is possible.

    ``sizes`` (person,) counts all clips, ``clips`` (person, class) those to keep on both sides.
    """
    best: NDArray[np.intp] | None = None
    best_error = np.inf
    for _ in range(200):
        order = rng.permutation(len(sizes))
        held_out = clips[order].cumsum(axis=0)
        is_complete = ((held_out > 0) & (held_out < held_out[-1])).all(axis=1)
        error = np.where(is_complete, abs(sizes[order].cumsum() - fraction * sizes.sum()), np.inf)
        size = int(error.argmin())
        if error[size] < best_error:
            best, best_error = order[: size + 1], float(error[size])
    return best


def _hold_out_clips(
    label: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.bool_], str]:
    """Choose about ``fraction`` of each class's clips: bool (clip,), the rule in words."""
    rng = numpy_generator(seed, "validation")
    held_out = np.zeros(len(label), bool)
    for each in np.unique(label).tolist():
        clips = np.flatnonzero(label == each)
        if len(clips) < 2:
            raise ConfigError(
                f"Class {each} has a single clip, which cannot be on both sides of a cut by clips."
            )
        count = min(max(round(fraction * len(clips)), 1), len(clips) - 1)
        held_out[rng.permutation(clips)[:count]] = True
    return held_out, "stratified clips: who performs is unknown, so performances may leak"
