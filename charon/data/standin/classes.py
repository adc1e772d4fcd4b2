"""The classes of the stand-in as numbers: the program of each, and its length."""

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from charon.data.standin.body import NUM_ANGLES, Angle, mirrored
from charon.data.standin.moves import (
    ARM_POSES,
    ARM_SHAKES,
    BODY_POSES,
    HANGING,
    LEG_POSES,
    METRES,
    MOVES,
)
from charon.seeding import numpy_generator

# Rank of a class by length: shorter timings first. Long words in this list mean more.
_SLOW = ("first", "last", "both", "beat", "shake", "hold")


@dataclass(frozen=True)
class Program:
    """The moves of a person in a class."""

    change: NDArray[np.float64]  # (move, angle), added to the pose, radians or metres
    kind: tuple[str, ...]  # (move,), the name of the timing
    count: tuple[int, ...]  # (move,), beats or shakes; 1 for the other timings
    stands: bool  # the motion needs a standing person
    bearing: NDArray[np.float64]  # (angle,), the class's lasting change of posture, radians


def _arm_rows(pose: str) -> NDArray[np.float64]:
    if pose in ARM_SHAKES:
        change = np.array(ARM_SHAKES[pose])
    else:
        change = np.array(ARM_POSES[pose]) - np.array(HANGING)
    row = np.zeros(NUM_ANGLES)
    row[Angle.ARM_RAISE : Angle.LEFT_ARM] = np.deg2rad(change)
    return row


def _row(limb: str, pose: str) -> NDArray[np.float64]:
    """Return the change of the 30 angles by a pose of a limb."""
    if limb in ("r", "l", "b"):
        right = _arm_rows(pose)
    else:
        right = np.zeros(NUM_ANGLES)
        table = LEG_POSES if limb in ("rl", "ll", "bl") else BODY_POSES
        for angle, value in table[pose].items():
            right[angle] = value if angle in METRES else np.deg2rad(value)
    if limb in ("l", "ll"):
        return mirrored(right)
    if limb in ("b", "bl"):
        return right + mirrored(right)
    return right


def _parse(text: str) -> tuple[list[NDArray[np.float64]], list[str], list[int], bool]:
    rows, kinds, counts = [], [], []
    stands = False
    for word in text.split():
        move, _, weight = word.partition("*")
        limb, pose, timing = move.split(":")
        kind = timing.rstrip("0123456789")
        rows.append(_row(limb, pose) * float(weight or 1.0))
        kinds.append(kind)
        counts.append(int(timing[len(kind) :] or 1))
        stands = stands or limb in ("g", "rl", "ll", "bl") or pose == "stoop"
    return rows, kinds, counts, stands


_ACCENT = 0.12
"""Deviation of a class's poses from those that the table names, radians."""

_BEARING = 0.18
"""Deviation of the bearing between classes, radians."""

_BEARING_SCALE = np.zeros(NUM_ANGLES)
_BEARING_SCALE[Angle.SPINE_FLEX : Angle.NOD] = 0.7 * _BEARING
_BEARING_SCALE[Angle.NOD : Angle.ARM_RAISE] = 1.7 * _BEARING
_BEARING_SCALE[Angle.HIP :] = _BEARING
_BEARING_SCALE[[Angle.LEAN, Angle.TOPPLE]] = 0.2 * _BEARING


@lru_cache(maxsize=512)
def program(seed: int, label: int, person: int) -> Program:
    """Return what person 0 (or the partner, person 1) does in the class with this label.

    A fixed random change of its poses, the accent of the class, keeps classes of the same moves
    apart.
    """
    both = MOVES[label].split("|")
    text = both[person] if person < len(both) else ""
    rows, kinds, counts, stands = _parse(text)
    rng = numpy_generator(seed, "standin", "class", label, person)
    bearing = _BEARING_SCALE * rng.standard_normal(NUM_ANGLES)
    if not rows:
        return Program(np.zeros((0, NUM_ANGLES)), (), (), False, bearing)
    change = np.stack(rows)
    change += _ACCENT * rng.standard_normal(change.shape) * (np.abs(change) > 0)
    return Program(change, tuple(kinds), tuple(counts), stands, bearing)


@lru_cache(maxsize=2)
def log_mean_frames(num_classes: int) -> NDArray[np.float64]:
    """Return the mean of the logarithm of each class's number of frames.

    They spread normally around 4.373 with a longer upper tail, so that mean lengths are from
    50 to 170 frames; a class of more moves is longer.
    """
    moves = MOVES[:num_classes]
    amount = [sum(line.count(word) for word in _SLOW) + 1e-3 * i for i, line in enumerate(moves)]
    rank = np.argsort(np.argsort(amount))
    z = np.array([NormalDist().inv_cdf((i + 0.5) / num_classes) for i in range(num_classes)])[rank]
    return np.asarray(4.373 + 0.26 * (z + 0.12 * (z**2 - 1.0)))
