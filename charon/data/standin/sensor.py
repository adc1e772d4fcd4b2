"""The stand-in's camera: its position and its measurement errors.

The levels were measured on Kinect v2 recordings: white noise by joint with heavy tails, and
joints that the tracker only guesses ("inferred") for a while.
"""

from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from charon.data.ntu import NUM_JOINTS
from charon.data.standin.body import rotation, spread
from charon.seeding import numpy_generator

# How far the cameras 1, 2, 3 stand to the side, and how much that differs from clip to clip;
# degrees. The shoulders' mean yaw is 2 more: most people are right-handed.
_CAMERA_YAW = (-28.0, 6.0, 28.0)
_YAW_CLIP = (25.0, 20.0, 28.0)

# Joints; white noise, millimetres (less than is measured: guessed joints add to it); share of
# frames in which a joint is inferred; and its error then, metres.
_LEVELS = (
    ((0, 1, 2, 3, 20, 4, 8, 12, 16), 0.24, 0.03, 0.012),  # trunk
    ((5, 9), 0.6, 0.10, 0.046),  # elbows
    ((6, 10), 1.65, 0.15, 0.064),  # wrists
    ((7, 11), 1.95, 0.18, 0.074),  # hands
    ((21, 23), 3.2, 0.24, 0.086),  # hand tips
    ((22, 24), 5.1, 0.24, 0.086),  # thumbs
    ((13, 17), 0.6, 0.08, 0.037),  # knees
    ((14, 18), 1.1, 0.15, 0.053),  # ankles
    ((15, 19), 2.3, 0.22, 0.064),  # feet
)
_NOISE, _INFERRED, _INFERRED_ERROR = np.empty((3, NUM_JOINTS))
for _joints, _noise, _share, _error in _LEVELS:
    _NOISE[[*_joints]], _INFERRED[[*_joints]], _INFERRED_ERROR[[*_joints]] = _noise, _share, _error
# A standard normal process above this level means that the joint is inferred.
_THRESHOLD = np.array([NormalDist().inv_cdf(1.0 - share) for share in _INFERRED])


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
    return pitch, roll, yaw, distance, height


def person_yaw(seed: int, performer: int) -> float:
    """Return how a person tends to face away from the cameras' middle, radians."""
    shift = numpy_generator(seed, "standin", "facing").random()
    return float(np.deg2rad(15.0 * spread(performer, 15, shift)))


def view(
    bodies: NDArray[np.float64],
    seed: int,
    setup: int,
    camera: int,
    yaw: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return ``bodies`` (body, frame, joint, xyz; metres) from the room in the camera's frame.

    Body 1 is near the origin and faces -z. ``yaw``, in radians, turns the performance for all
    cameras alike; ``rng`` draws the clip's jitter.
    """
    pitch, roll, camera_yaw, distance, height = _setup(seed, setup, camera)
    jitter = _YAW_CLIP[camera - 1] * rng.standard_normal()
    angle = np.deg2rad(_CAMERA_YAW[camera - 1] + jitter) + yaw + camera_yaw
    matrix = rotation(2, roll) @ rotation(0, pitch) @ rotation(1, -angle)
    place = np.array([0.25, 0.08, 0.1]) * rng.standard_normal(3)
    place += (0.0, height, distance)
    middle = bodies[0, 0, 1]
    return np.asarray((bodies - middle) @ matrix.T + place)


def measure(
    places: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Return a body (frame, joint, xyz; metres) as measured, and each joint's tracking state.

    Returns:
        float32 (frame, joint, xyz), metres, and int8 (frame, joint): 1 inferred, 2 tracked.
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
    level = np.exp(0.55 * rng.standard_normal((frames, NUM_JOINTS, 1), dtype=np.float32))
    noise *= level * (1e-3 * _NOISE)[:, None]
    state = np.where(above > 0.0, 1, 2).T.astype(np.int8)
    return (places + error + noise).astype(np.float32), state
