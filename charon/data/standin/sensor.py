"""The stand-in's camera: where it stands, and how badly it measures.

Source: the levels are those measured on Kinect v2 recordings: white noise by joint with
heavy tails, and joints that the tracker only guesses ("inferred") for a while.
"""

from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from charon.data.standin.body import NUM_JOINTS, spread
from charon.seeding import numpy_generator

# How far the cameras 1, 2, 3 stand to the side, and how much that differs from clip to clip
# and from person to person; degrees. The shoulders' mean yaw is 2 more: most people are
# right-handed.
_CAMERA_YAW = (-28.0, 6.0, 28.0)
_YAW_CLIP = (25.0, 20.0, 28.0)
_YAW_PERSON = 15.0

_TRUNK = (0, 1, 2, 3, 20, 4, 8, 12, 16)
_ELBOWS, _WRISTS, _HANDS, _TIPS, _THUMBS = (5, 9), (6, 10), (7, 11), (21, 23), (22, 24)
_KNEES, _ANKLES, _FEET = (13, 17), (14, 18), (15, 19)


def _by_joint(**values: float) -> NDArray[np.float64]:
    groups = {
        "trunk": _TRUNK,
        "elbows": _ELBOWS,
        "wrists": _WRISTS,
        "hands": _HANDS,
        "tips": _TIPS,
        "thumbs": _THUMBS,
        "knees": _KNEES,
        "ankles": _ANKLES,
        "feet": _FEET,
    }
    out = np.empty(NUM_JOINTS)
    for name, joints in groups.items():
        out[list(joints)] = values[name]
    return out


# White noise, metres. Less than is measured: guessed joints add to it.
_NOISE = 1e-3 * _by_joint(
    trunk=0.24,
    elbows=0.6,
    wrists=1.65,
    hands=1.95,
    tips=3.2,
    thumbs=5.1,
    knees=0.6,
    ankles=1.1,
    feet=2.3,
)
# Share of frames in which a joint is inferred, and its error then, metres.
_INFERRED = _by_joint(
    trunk=0.03,
    elbows=0.10,
    wrists=0.15,
    hands=0.18,
    tips=0.24,
    thumbs=0.24,
    knees=0.08,
    ankles=0.15,
    feet=0.22,
)
_INFERRED_ERROR = _by_joint(
    trunk=0.012,
    elbows=0.046,
    wrists=0.064,
    hands=0.074,
    tips=0.086,
    thumbs=0.086,
    knees=0.037,
    ankles=0.053,
    feet=0.064,
)
# A standard normal process above this level means that the joint is inferred.
_THRESHOLD = np.array([NormalDist().inv_cdf(1.0 - share) for share in _INFERRED])
_HEAVY = 0.55  # deviation of the logarithm of the noise level from frame to frame


@lru_cache(maxsize=1024)
def _setup(seed: int, setup: int, camera: int) -> tuple[float, float, float, float, float]:
    """Return pitch, roll, yaw (radians), distance and height (metres) of one camera."""
    rng = numpy_generator(seed, "standin", "setup", setup, camera)
    shared = numpy_generator(seed, "standin", "setup", setup)
    pitch = np.deg2rad(-19.0 + 8.0 * shared.standard_normal() + 1.5 * rng.standard_normal())
    roll = np.deg2rad(1.5 * rng.standard_normal())
    yaw = np.deg2rad(1.0 * rng.standard_normal())
    distance = 2.8 + 0.9 * shared.random() + 0.1 * rng.standard_normal()
    height = 0.1 * shared.standard_normal()
    return float(pitch), float(roll), float(yaw), float(distance), float(height)


def _axis(axis: int, angle: float) -> NDArray[np.float64]:
    matrix = np.eye(3)
    j, k = (axis + 1) % 3, (axis + 2) % 3
    matrix[j, j] = matrix[k, k] = np.cos(angle)
    matrix[k, j], matrix[j, k] = np.sin(angle), -np.sin(angle)
    return matrix


def person_yaw(seed: int, performer: int) -> float:
    """Return how a person tends to face away from the cameras' middle, radians."""
    shift = numpy_generator(seed, "standin", "facing").random()
    return float(np.deg2rad(_YAW_PERSON * spread(performer, 15, shift)))


def view(
    bodies: NDArray[np.float64],
    seed: int,
    setup: int,
    camera: int,
    yaw: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return places (body, frame, joint, xyz) in the camera's own frame, metres.

    Args:
        bodies: places in the room, body 1 near the origin and facing -z.
        seed: the stand-in's seed.
        setup: which setup the camera belongs to.
        camera: 1, 2 or 3.
        yaw: how far the performance is turned for all cameras alike, radians.
        rng: draws the clip's own jitter.
    """
    pitch, roll, camera_yaw, distance, height = _setup(seed, setup, camera)
    jitter = _YAW_CLIP[camera - 1] * rng.standard_normal()
    angle = np.deg2rad(_CAMERA_YAW[camera - 1] + jitter) + yaw + camera_yaw
    matrix = _axis(2, roll) @ _axis(0, pitch) @ _axis(1, -angle)
    place = np.array([0.25, 0.08, 0.1]) * rng.standard_normal(3)
    place += (0.0, height, distance)
    middle = bodies[0, 0, 1]
    return np.asarray((bodies - middle) @ matrix.T + place)


def measure(
    places: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Return one body as the camera measures it, and each joint's tracking state.

    Args:
        places: (frame, joint, xyz) in metres.
        rng: draws the noise.

    Returns:
        float32 places (frame, joint, xyz), and int8 (frame, joint): 1 inferred, 2 tracked.
    """
    frames = len(places)
    length = -(-(frames + 8) // 16) * 16  # has small factors, for the Fourier transform
    white = rng.standard_normal((4, NUM_JOINTS, length), dtype=np.float32)
    frequency = np.arange(length // 2 + 1) / length
    # Slow errors forget themselves within about three frames.
    shape = 1.0 / np.sqrt(1.0 + (frequency / 0.05) ** 2)
    shape /= np.sqrt(np.mean(np.concatenate([shape, shape[1:-1]]) ** 2))
    slow = np.fft.irfft(np.fft.rfft(white, axis=-1) * shape, length, axis=-1)[..., :frames]
    often = 0.5 * rng.standard_normal((NUM_JOINTS, 1))
    above = (0.8660254 * slow[3] + often) - _THRESHOLD[:, None]
    guessed = np.clip(5.0 * above, 0.0, 1.0) * _INFERRED_ERROR[:, None]
    error = np.moveaxis(slow[:3] * guessed, 0, -1).swapaxes(0, 1)

    noise = rng.standard_normal((frames, NUM_JOINTS, 3), dtype=np.float32)
    level = np.exp(_HEAVY * rng.standard_normal((frames, NUM_JOINTS, 1), dtype=np.float32))
    noise *= level * _NOISE[:, None]
    state = np.where(above > 0.0, 1, 2).T.astype(np.int8)
    return (places + error + noise).astype(np.float32), state
