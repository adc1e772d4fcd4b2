"""The classes of the stand-in as numbers: the program of each, and its length.

``standin_moves.txt`` has a line of moves for each action; they add up. A move is
``limb:pose:timing`` with an optional weight ``*0.5``. Limbs: ``r``, ``l``, ``b`` arms (right,
left, both), ``rl``, ``ll``, ``bl`` legs, ``t`` trunk, ``h`` head, ``g`` the whole body. Behind
``|`` are the moves of the second person of a two-person action. Timings: ``lift`` rises, holds
and falls; ``to`` stays; ``off`` starts there and leaves; ``hold`` is there all the time;
``first``, ``mid`` and ``last`` are short; ``both`` is twice; ``beatN`` comes N times; ``shakeN``
swings N times to both sides.

``standin_poses.txt`` has a line for each pose: the table, the name, and the angles that change,
in degrees, or metres for the position. Poses of an arm replace the hanging arm; shakes of an arm
are added to it.

The motions resemble the actions' names; they were written for this project and are not taken
from recordings.
"""

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from charon.data.ntu import resource_lines
from charon.data.standin.body import NUM_ANGLES, Angle, mirrored
from charon.seeding import numpy_generator

MOVES: tuple[str, ...] = tuple(resource_lines("standin_moves.txt"))
"""The moves of each class, by label."""

HANGING = (8.0, 50.0, 10.0, 18.0, 5.0)
"""The angles of a hanging arm, degrees: raise, out, twist, elbow, wrist."""

_POSES: dict[tuple[str, str], list[tuple[Angle, float]]] = {
    (table, name): [(Angle[angle], float(value)) for angle, value in (a.split("=") for a in angles)]
    for table, name, *angles in (line.split() for line in resource_lines("standin_poses.txt"))
}
_ARMS, _LEGS = ("r", "l", "b"), ("rl", "ll", "bl")
_METRES = (Angle.SIDEWAYS, Angle.HEIGHT, Angle.FORWARD)

# Rank of a class by length: shorter timings first. Long words in this list mean more.
_SLOW = ("first", "last", "both", "beat", "shake", "hold")

# Deviations, radians: of a class's poses from those in the file, and of its lasting posture.
_ACCENT = 0.12
_BEARING = 0.18
_BEARING_SCALE = np.zeros(NUM_ANGLES)
_BEARING_SCALE[Angle.SPINE_FLEX : Angle.NOD] = 0.7 * _BEARING
_BEARING_SCALE[Angle.NOD : Angle.ARM_RAISE] = 1.7 * _BEARING
_BEARING_SCALE[Angle.HIP :] = _BEARING
_BEARING_SCALE[[Angle.LEAN, Angle.TOPPLE]] = 0.2 * _BEARING


@dataclass(frozen=True)
class Program:
    """The moves of a person in a class."""

    change: NDArray[np.float64]  # (move, angle), added to the pose, radians or metres
    kind: tuple[str, ...]  # (move,), the name of the timing
    count: tuple[int, ...]  # (move,), beats or shakes; 1 for the other timings
    stands: bool  # the motion needs a standing person
    bearing: NDArray[np.float64]  # (angle,), the class's lasting change of posture, radians


@lru_cache(maxsize=512)
def program(seed: int, label: int, person: int) -> Program:
    """Return what person 0 (or the partner, person 1) does in the class with this label.

    A fixed random change of its poses, the accent of the class, keeps classes of the same moves
    apart.
    """
    both = MOVES[label].split("|")
    rows, kinds, counts = [], [], []
    stands = False
    for word in both[person].split() if person < len(both) else ():
        move, _, weight = word.partition("*")
        limb, pose, timing = move.split(":")
        kind = timing.rstrip("0123456789")
        rows.append(_row(limb, pose) * float(weight or 1.0))
        kinds.append(kind)
        counts.append(int(timing[len(kind) :] or 1))
        stands = stands or limb in ("g", *_LEGS) or pose == "stoop"
    rng = numpy_generator(seed, "standin", "class", label, person)
    bearing = _BEARING_SCALE * rng.standard_normal(NUM_ANGLES)
    change = np.array(rows).reshape(-1, NUM_ANGLES)
    change += _ACCENT * rng.standard_normal(change.shape) * (np.abs(change) > 0)
    return Program(change, tuple(kinds), tuple(counts), stands, bearing)


def _row(limb: str, pose: str) -> NDArray[np.float64]:
    """Return the change of the 30 angles by a pose of a limb."""
    right = np.zeros(NUM_ANGLES)
    table = "leg" if limb in _LEGS else "body"
    if limb in _ARMS:
        table = "arm" if ("arm", pose) in _POSES else "shake"
    if table == "arm":
        right[Angle.ARM_RAISE : Angle.LEFT_ARM] -= HANGING
    for angle, value in _POSES[table, pose]:
        right[angle] += value
    turns = [angle for angle in range(NUM_ANGLES) if angle not in _METRES]
    right[turns] = np.deg2rad(right[turns])
    if limb in ("l", "ll"):
        return mirrored(right)
    return right + mirrored(right) if limb in ("b", "bl") else right


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
