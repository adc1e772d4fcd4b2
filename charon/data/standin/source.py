"""The embedded stand-in for NTU RGB+D: synthetic people, so that everything runs without data.

What is measured on it is not comparable with published numbers. Its statistics (body, lengths,
noise, motion, and how small a part of the variance a class is) are matched to those of the real
recordings, see tests/data/standin/test_statistics.py.

Every clip is a pure function of the seed and of its name, prepared as a real recording is. The
camera's errors were measured on Kinect v2 recordings: white noise by joint with heavy tails, and
joints that the tracker only guesses ("inferred") for a while.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from charon.data import ntu
from charon.data.actors import prepare_clip
from charon.data.parallel import map_in_order
from charon.data.source import Description, Recording, SourceClip, Unreadable
from charon.data.standin.body import joint_positions, person_bones, rotation, spread
from charon.data.standin.motion import num_frames, perform
from charon.seeding import derive_seed, numpy_generator

# (setup, performer) pairs of the small stand-in. By NTU's rules for training performers and
# for training setups, each half has people and setups on both sides.
_SMALL_PAIRS = (
    *((1, 1), (1, 3), (1, 4), (1, 8), (2, 7), (2, 9), (2, 12), (3, 15)),
    *((18, 41), (18, 42), (18, 45), (19, 47), (19, 50), (20, 43), (20, 53), (21, 60)),
)

# Is raised by every change that alters a clip, so that no old cache is used.
_VERSION = 2


@dataclass(frozen=True)
class StandIn:
    """A source of synthetic clips with NTU RGB+D's names, classes, cameras and protocols."""

    names: tuple[str, ...]  # the clips, in order
    num_classes: int = 60  # or 120
    seed: int = 0  # of classes, people, setups and all clips

    @classmethod
    def small(cls, num_classes: int = 60, *, seed: int = 0) -> "StandIn":
        """Return 8 performers a class: 48 clips a class, 2,880 for 60."""
        return cls(ntu.clip_names(_SMALL_PAIRS, num_classes), num_classes, seed)

    @classmethod
    def full(cls, num_classes: int = 60, *, seed: int = 0) -> "StandIn":
        """Return NTU RGB+D's names: 56,578 clips for 60 classes, 113,945 for 120."""
        return cls(ntu.all_names(num_classes), num_classes, seed)

    @property
    def description(self) -> Description:
        """NTU RGB+D's joints, bones, parts and class names."""
        return ntu.description("standin", self.num_classes, is_standin=True)

    def identity(self) -> str:
        """Return version, seed and a digest of the names."""
        digest = derive_seed(self.num_classes, *self.names)
        return f"standin version={_VERSION} seed={self.seed} clips={len(self.names)}:{digest:x}"

    def notes(self) -> Sequence[str]:
        """Return nothing: there is no file."""
        return ()

    def __len__(self) -> int:
        return len(self.names)

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in order, made by up to ``workers`` processes."""
        make = partial(make_clip, num_classes=self.num_classes, seed=self.seed)
        yield from map_in_order(make, self.names, workers=workers)


def make_clip(name: str, num_classes: int, seed: int) -> SourceClip:
    """Return a clip, prepared as a real recording is."""
    return ntu.parse_name(name).clip(name, prepare_clip(make_raw_clip(name, num_classes, seed)))


def make_raw_clip(name: str, num_classes: int, seed: int) -> Recording:
    """Return a recording as a `.skeleton` file would hold it."""
    ids = ntu.parse_name(name)
    places, yaw = _performance(seed, num_classes, ids)
    rng = numpy_generator(seed, "standin", "clip", name)
    seen = view(places, seed, ids.setup, ids.camera, yaw, rng)
    bodies = [measure(body, rng)[0] for body in seen]
    frames = len(bodies[0])
    first_id = 72057594037900000 + int(rng.integers(10**4))  # 17 digits, as Kinect's
    return Recording(
        name=name,
        num_frames=frames,
        frame=np.repeat(np.arange(frames), len(bodies)),
        body_id=tuple(str(first_id + i) for _ in range(frames) for i in range(len(bodies))),
        xyz=np.stack(bodies, axis=1).reshape(-1, ntu.NUM_JOINTS, 3),
    )


def _performance(
    seed: int, num_classes: int, ids: ntu.ClipIds
) -> tuple[NDArray[np.float64], float]:
    """Return positions (body, frame, joint, xyz) in the room, and their yaw for all cameras."""
    setup, _, performer, replication, label = ids  # the same for all cameras
    rng = numpy_generator(seed, "standin", "performance", setup, performer, replication, label)
    frames = num_frames(seed, label, performer, num_classes, rng)
    pose = perform(seed, label, 0, performer, frames, rng)
    first = joint_positions(pose, person_bones(seed, performer))
    yaw = person_yaw(seed, performer) + np.deg2rad(6.0 * rng.standard_normal())
    is_pair = label in ntu.TWO_PERSON
    if not is_pair and rng.random() >= 0.02:  # 2 % have an idle bystander in the background
        return first[None], yaw
    # Who acts with a performer is the smallest of the next nine people: the preparation makes
    # the larger body actor 1, which so is mostly the performer.
    others = [(performer + i) % 106 + 1 for i in range(9)]
    partner = min(others, key=lambda other: sum(person_bones(seed, other).values()))
    pose = perform(seed, label, 1, partner, frames, rng)
    other = joint_positions(pose, person_bones(seed, partner))
    apart = max(0.45, 0.96 + 0.22 * rng.standard_normal())  # metres
    side = 1.0 if rng.random() < 0.5 else -1.0
    if is_pair:
        # Two people are turned to each other; to the cameras, a bit more to one side.
        yaw += side * np.deg2rad(15.0 + 10.0 * rng.standard_normal())
        other = other * (-1.0, 1.0, -1.0) + (0.0, 0.0, -apart)
    else:
        other += (side * (apart + 0.3), 0.0, 0.4)
    return np.stack([first, other]), yaw


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
_NOISE, _INFERRED, _INFERRED_ERROR = np.empty((3, ntu.NUM_JOINTS))
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
    """Return a body, float32 (frame, joint, xyz), metres, as measured, and its tracking states.

    States are int8 (frame, joint): 1 inferred, 2 tracked.
    """
    frames = len(places)
    length = -(-(frames + 8) // 16) * 16  # has small factors, for the Fourier transform
    white = rng.standard_normal((4, ntu.NUM_JOINTS, length), dtype=np.float32)
    frequency = np.arange(length // 2 + 1) / length
    # Slow errors forget themselves within about three frames.
    shape = 1.0 / np.sqrt(1.0 + (frequency / 0.05) ** 2)
    shape /= np.sqrt(np.mean(np.concatenate([shape, shape[1:-1]]) ** 2))
    slow = np.fft.irfft(np.fft.rfft(white, axis=-1) * shape, length, axis=-1)[..., :frames]
    often = 0.5 * rng.standard_normal((ntu.NUM_JOINTS, 1))
    above = (0.8660254 * slow[3] + often) - _THRESHOLD[:, None]
    guessed = np.clip(5.0 * above, 0.0, 1.0) * _INFERRED_ERROR[:, None]
    error = np.moveaxis(slow[:3] * guessed, 0, -1).swapaxes(0, 1)

    noise = rng.standard_normal((frames, ntu.NUM_JOINTS, 3), dtype=np.float32)
    level = np.exp(0.55 * rng.standard_normal((frames, ntu.NUM_JOINTS, 1), dtype=np.float32))
    noise *= level * (1e-3 * _NOISE)[:, None]
    state = np.where(above > 0.0, 1, 2).T.astype(np.int8)
    return (places + error + noise).astype(np.float32), state
