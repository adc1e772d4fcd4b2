"""The stand-in's body: bone lengths of a person, and forward kinematics over 25 joints.

A pose is a row of :data:`NUM_ANGLES` numbers: joint angles in radians and three coordinates
of the root in metres. The body's frame has x to the person's right, y up and z to the back,
so that a person who faces the camera needs no turn (camera: x right, y up, z away).
"""

from enum import IntEnum
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from charon.data.ntu import NUM_JOINTS
from charon.seeding import numpy_generator


class Angle(IntEnum):
    """Columns of a pose; the left side's columns follow the right side's in equal order."""

    TURN = 0
    LEAN = 1  # root, forward
    TOPPLE = 2  # root, to the right
    SIDEWAYS = 3  # metres, to the right
    HEIGHT = 4  # metres above standing on the lowest joint
    FORWARD = 5  # metres
    SPINE_FLEX = 6
    SPINE_SIDE = 7
    SPINE_TWIST = 8
    NOD = 9
    TILT = 10
    SHAKE = 11
    ARM_RAISE = 12  # shoulder: 0 hangs, pi / 2 level, pi up
    ARM_OUT = 13  # the direction of raising: 0 forward, pi / 2 to the side
    ARM_TWIST = 14  # about the upper arm; positive turns the forearm inward
    ELBOW = 15
    WRIST = 16
    LEFT_ARM = 17
    HIP = 22
    HIP_OUT = 23
    KNEE = 24
    ANKLE = 25
    LEFT_LEG = 26
    LEFT_KNEE = 28


NUM_ANGLES = 30

# Mean length of a bone and its standard deviation between people, metres. Where the list
# of statistics gives no deviation, it is 8 % of the length.
BONES: dict[str, tuple[float, float]] = {
    "base_mid": (0.300, 0.024),
    "mid_shoulders": (0.224, 0.018),
    "shoulders_neck": (0.075, 0.006),
    "neck_head": (0.123, 0.010),
    "shoulder": (0.165, 0.013),
    "upper_arm": (0.239, 0.027),
    "forearm": (0.235, 0.021),
    "hand": (0.077, 0.006),
    "hip": (0.076, 0.006),
    "thigh": (0.333, 0.035),
    "shank": (0.379, 0.050),
    "foot": (0.110, 0.009),
    "tip": (0.062, 0.005),
    "thumb": (0.046, 0.004),
}

# Angles whose sign changes when left and right are exchanged: turn, topple, sideways, the spine's
# side and twist, the head's tilt and shake.
_ODD = [0, 2, 3, 7, 8, 10, 11]
_SIDES = np.array([[1.0], [-1.0]])  # right, left


def spread(index: int, purpose: int, shift: float) -> float:
    """Return the ``index``-th of a sequence of standard normal draws that covers evenly.

    Any few consecutive people then have about the wanted mean and deviation. Fractions of
    multiples of an irrational number are evenly spread in [0, 1); ``purpose`` picks the
    number and ``shift`` (0 to 1) the start.
    """
    step = np.sqrt((2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)[purpose])
    fraction = float((shift + index * step) % 1.0)
    return NormalDist().inv_cdf(min(max(fraction, 0.02), 0.98))


@lru_cache(maxsize=1024)
def person_bones(seed: int, performer: int) -> dict[str, float]:
    """Return a performer's bone lengths in metres, by the names of :data:`BONES`."""
    shift = numpy_generator(seed, "standin", "bones").random(len(BONES))
    return {
        name: mean + deviation * spread(performer, i, shift[i])
        for i, (name, (mean, deviation)) in enumerate(BONES.items())
    }


def mirrored(pose: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return poses (..., angle) with left and right exchanged."""
    trunk, right_arm, left_arm, right_leg, left_leg = np.split(
        np.arange(NUM_ANGLES), [Angle.ARM_RAISE, Angle.LEFT_ARM, Angle.HIP, Angle.LEFT_LEG]
    )
    out = pose[..., np.concatenate([trunk, left_arm, right_arm, left_leg, right_leg])]
    out[..., _ODD] *= -1.0
    return out


def rotation(axis: int, angle: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return rotation matrices (..., 3, 3) about an axis, 0 to 2, for angles (...), radians."""
    matrix = np.zeros((*np.shape(angle), 3, 3))
    cos, sin = np.cos(angle), np.sin(angle)
    j, k = (axis + 1) % 3, (axis + 2) % 3
    matrix[..., axis, axis] = 1.0
    matrix[..., j, j] = cos
    matrix[..., k, k] = cos
    matrix[..., k, j] = sin
    matrix[..., j, k] = -sin
    return matrix


def joint_positions(pose: NDArray[np.float64], bones: dict[str, float]) -> NDArray[np.float64]:
    """Return the joints' positions (frame, joint, xyz) in metres for poses (frame, angle).

    The lowest joint of each frame stands on the floor (y = 0), raised by ``HEIGHT``.
    """
    columns = pose.T
    out = np.empty((len(pose), NUM_JOINTS, 3))
    turn, lean, topple, sideways, height, forward = columns[: Angle.SPINE_FLEX]
    root = rotation(1, turn) @ rotation(0, -lean) @ rotation(2, -topple)
    chest = _bend(root, columns[Angle.SPINE_FLEX : Angle.NOD])
    head = _bend(chest, columns[Angle.NOD : Angle.ARM_RAISE])
    out[:, 0] = np.stack([sideways, np.zeros(len(pose)), -forward], axis=1)
    out[:, 1] = out[:, 0] + bones["base_mid"] * root[..., 1]
    out[:, 20] = out[:, 1] + bones["mid_shoulders"] * chest[..., 1]
    out[:, 2] = out[:, 20] + bones["shoulders_neck"] * chest[..., 1]
    out[:, 3] = out[:, 2] + bones["neck_head"] * head[..., 1]
    _place_limbs(out, chest, root, columns, bones)
    out[:, :, 1] += height[:, None] - out[:, :, 1].min(axis=1, keepdims=True)
    return out


def _bend(frame: NDArray[np.float64], angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotations (frame, 3, 3) after bending by flexion, side bend and twist."""
    flex, side, twist = angles
    return np.asarray(frame @ rotation(1, twist) @ rotation(0, -flex) @ rotation(2, -side))


def _place_limbs(
    out: NDArray[np.float64],
    chest: NDArray[np.float64],
    root: NDArray[np.float64],
    columns: NDArray[np.float64],
    bones: dict[str, float],
) -> None:
    arms = columns[Angle.ARM_RAISE : Angle.HIP].reshape(2, 5, -1)
    raised = chest @ rotation(1, -_SIDES * arms[:, 1]) @ rotation(0, arms[:, 0])
    upper = raised @ rotation(1, _SIDES * arms[:, 2])
    forearm = upper @ rotation(0, arms[:, 3])
    hand = forearm @ rotation(0, arms[:, 4])
    for i, (arm, tip, thumb) in enumerate([(8, 23, 24), (4, 21, 22)]):
        side = 1.0 - 2.0 * i
        out[:, arm] = out[:, 20] + bones["shoulder"] * (chest @ np.array([0.96 * side, -0.28, 0.0]))
        out[:, arm + 1] = out[:, arm] - bones["upper_arm"] * upper[i, ..., 1]
        out[:, arm + 2] = out[:, arm + 1] - bones["forearm"] * forearm[i, ..., 1]
        out[:, arm + 3] = out[:, arm + 2] - bones["hand"] * hand[i, ..., 1]
        out[:, tip] = out[:, arm + 3] - bones["tip"] * hand[i, ..., 1]
        to_thumb = hand[i] @ np.array([-0.64 * side, -0.6, -0.48])
        out[:, thumb] = out[:, arm + 3] + bones["thumb"] * to_thumb
    legs = columns[Angle.HIP :].reshape(2, 4, -1)
    thigh = root @ rotation(2, _SIDES * legs[:, 1]) @ rotation(0, legs[:, 0])
    shank = thigh @ rotation(0, -legs[:, 2])
    foot = shank @ rotation(0, legs[:, 3])
    for i, leg in enumerate([16, 12]):
        side = 1.0 - 2.0 * i
        out[:, leg] = out[:, 0] + bones["hip"] * (root @ np.array([0.96 * side, -0.28, 0.0]))
        out[:, leg + 1] = out[:, leg] - bones["thigh"] * thigh[i, ..., 1]
        out[:, leg + 2] = out[:, leg + 1] - bones["shank"] * shank[i, ..., 1]
        to_toes = foot[i] @ np.array([0.0, -0.28, -0.96])
        out[:, leg + 3] = out[:, leg + 2] + bones["foot"] * to_toes
