"""A validation set, cut from the training clips without leaks.

A performance is filmed by up to three cameras at once, so clips of it on both sides of a cut
would inflate the validation accuracy. Whole people are held out instead.
"""

import numpy as np
from numpy.typing import NDArray

from charon.data.cache.archive import Archive
from charon.errors import ConfigError
from charon.seeding import numpy_generator

_LAST_PERFORMER_OF_60 = 40
"""Performers up to 40 act A1-A60, the others only A61-A120 (6, 8 and 11 act in both)."""

_NUM_DRAWS = 200


def hold_out_people(
    archive: Archive, train: NDArray[np.int64], classes: range, fraction: float, seed: int
) -> tuple[NDArray[np.bool_], str]:
    """Choose people whose clips make up about ``fraction`` of the rows ``train``.

    Every one of ``classes`` keeps clips on both sides. With all of NTU RGB+D 120, performers up
    to 40 and above are drawn separately, to that share of each group's clips.

    Returns:
        bool (row of ``train``,), and the rule in words.

    Raises:
        ConfigError: no choice of people leaves every class on both sides.
    """
    people, person = np.unique(archive.subject[train], return_inverse=True)
    clips = np.zeros((len(people), len(archive.description.class_names)), np.int64)
    np.add.at(clips, (person, archive.label[train]), 1)
    rng = numpy_generator(seed, "validation")
    chosen: list[NDArray[np.intp]] = []
    clips = clips[:, classes.start : classes.stop]
    for group, to_keep in _groups(archive, people, clips):
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
    archive: Archive, people: NDArray[np.int16], clips: NDArray[np.int64]
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the groups of people to draw from, and the classes each must keep on both sides.

    A class belongs to the group in which more people act it.
    """
    num_classes = clips.shape[1]
    if not (archive.description.is_ntu and num_classes == 120):
        return [(np.arange(len(people)), np.arange(num_classes))]
    early = people <= _LAST_PERFORMER_OF_60
    acts = clips > 0
    is_early_class = acts[early].sum(axis=0) >= acts[~early].sum(axis=0)
    return [
        (np.flatnonzero(group), np.flatnonzero(is_early_class == is_early))
        for group, is_early in ((early, True), (~early, False))
        if group.any()
    ]


def _draw(
    sizes: NDArray[np.int64],
    clips: NDArray[np.int64],
    fraction: float,
    rng: np.random.Generator,
) -> NDArray[np.intp] | None:
    """Return the people of the random draw nearest to ``fraction``, or None if none is possible.

    ``sizes`` (person,) counts all clips of a person, ``clips`` (person, class) those of the
    classes to keep on both sides.
    """
    best: NDArray[np.intp] | None = None
    best_error = np.inf
    for _ in range(_NUM_DRAWS):
        order = rng.permutation(len(sizes))
        held_out = clips[order].cumsum(axis=0)
        is_complete = ((held_out > 0) & (held_out < held_out[-1])).all(axis=1)
        error = np.where(is_complete, abs(sizes[order].cumsum() - fraction * sizes.sum()), np.inf)
        size = int(error.argmin())
        if error[size] < best_error:
            best, best_error = order[: size + 1], float(error[size])
    return best


def hold_out_clips(
    label: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.bool_], str]:
    """Choose about ``fraction`` of each class's clips, at least one and never all.

    Only for clips of unknown people: takes of one performance may fall on both sides.

    Returns:
        bool (clip,), and the rule in words.

    Raises:
        ConfigError: a class has a single clip.
    """
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
