"""Performances: the poses over time of a person of the stand-in in a class.

A performance is the class's program in a person's style (posture, amplitude, speed), with
random variation and small movements that mean nothing.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from charon.data.ntu import MAX_FRAMES
from charon.data.standin.body import NUM_ANGLES, Angle, mirrored
from charon.data.standin.classes import HANGING, log_mean_frames, program
from charon.seeding import numpy_generator

# Deviation of the logarithm of a class's lengths, and the part of it that is the person's.
_LOG_FRAMES, _LOG_FRAMES_PERSON = 0.22, 0.08


def _scale(body: float, arms: float) -> NDArray[np.float64]:
    """Return a deviation for each angle of a pose, zero for the root's turn and position."""
    scale = np.full(NUM_ANGLES, body)
    scale[Angle.TURN : Angle.SPINE_FLEX] = 0.0
    scale[Angle.LEAN] = scale[Angle.TOPPLE] = 0.3 * body
    scale[Angle.ARM_RAISE : Angle.HIP] = arms
    scale[Angle.ARM_OUT] = scale[Angle.LEFT_ARM + 1] = 1.5 * arms
    scale[Angle.HIP :] = 0.4 * body
    return scale


# How much postures differ, radians: between people, and from one performance to the next.
_PERSON_SCALE = _scale(0.05, arms=0.065)
_OCCASION_SCALE = _scale(0.012, arms=0.025)
# Movements without meaning: the deviation of the slowest wave of each angle, radians.
_FIDGET_SCALE = _scale(0.8 * 0.024, arms=1.5 * 0.024)
_FIDGET_SCALE[Angle.TURN] = 0.16  # people shift their weight and turn a little

_WAVES = np.arange(1, 25) * 0.5  # cycles in a clip
# The deviation of each wave's weight, (wave, angle); cosines first, then sines: ever smaller and
# quicker. The body's position has whole sine waves, which keep it near the origin of a prepared
# clip, its position in the first frame, and a slow half wave that lets it wander off; metres.
_WAVE_SIZES = np.tile((0.5 / _WAVES) ** 1.1, 2)[:, None] * _FIDGET_SCALE
_PLACE = [Angle.SIDEWAYS, Angle.FORWARD]
_WAVE_SIZES[:, _PLACE] = 0.0
_WHOLE = _WAVES[1::2, None]
_WAVE_SIZES[len(_WAVES) + 1 :: 2, _PLACE] = 0.062 / (_WHOLE + _WHOLE * (_WHOLE / 7.0) ** 4)
_WAVE_SIZES[[[0], [len(_WAVES)]], _PLACE] += 0.037

_RESTING = np.zeros(NUM_ANGLES)
_RESTING[Angle.ARM_RAISE : Angle.HIP] = np.deg2rad(HANGING * 2)
_RESTING[[Angle.KNEE, Angle.LEFT_KNEE]] = 0.06
_RESTING[[Angle.HIP, Angle.LEFT_LEG]] = 0.04

_SEAT = np.zeros(NUM_ANGLES)  # added to the pose of a person who sits
_SEAT[[Angle.HIP, Angle.LEFT_LEG]] = np.deg2rad(82)
_SEAT[[Angle.KNEE, Angle.LEFT_KNEE]] = np.deg2rad(85)
_SEAT[[Angle.HIP_OUT, Angle.LEFT_LEG + 1]] = np.deg2rad(8)


@dataclass(frozen=True)
class Style:
    """Habits of a person."""

    posture: NDArray[np.float64]  # (angle,), added to the resting pose
    amplitude: float  # factor on every move
    log_speed: float  # added to the logarithm of the number of frames
    left_handed: float  # probability that left and right are exchanged in a performance
    seated: float  # probability of sitting where the class allows it


@lru_cache(maxsize=1024)
def style(seed: int, performer: int) -> Style:
    """Return the style of a performer."""
    rng = numpy_generator(seed, "standin", "style", performer)
    return Style(
        posture=_PERSON_SCALE * rng.standard_normal(NUM_ANGLES),
        amplitude=float(0.73 * np.exp(0.10 * rng.standard_normal())),
        log_speed=float(_LOG_FRAMES_PERSON * rng.standard_normal()),
        left_handed=0.8 if rng.random() < 0.06 else 0.06,  # 6 % mostly use it
        seated=0.8 if rng.random() < 0.3 else 0.06,  # 30 % mostly sit
    )


def num_frames(
    seed: int, label: int, performer: int, num_classes: int, rng: np.random.Generator
) -> int:
    """Draw the number of frames of one performance."""
    mean = log_mean_frames(num_classes)[label] + style(seed, performer).log_speed
    deviation = np.sqrt(_LOG_FRAMES**2 - _LOG_FRAMES_PERSON**2)
    frames = np.exp(mean + deviation * rng.standard_normal())
    return int(np.clip(np.rint(frames), 32, MAX_FRAMES))


def _rise(u: NDArray[np.float64], start: float, width: float) -> NDArray[np.float64]:
    """Return a smooth step from 0 to 1 that begins at ``start`` and takes ``width``."""
    v = np.clip((u - start) / width, 0.0, 1.0)
    return v * v * (3.0 - 2.0 * v)


def _bump(u: NDArray[np.float64], centre: float, width: float) -> NDArray[np.float64]:
    return 1.0 - _rise(np.abs(u - centre), 0.0, width)


def _timing(kind: str, count: int, u: NDArray[np.float64], shift: float) -> NDArray[np.float64]:
    """Return how far a move has come at each time ``u`` (frame,), -1 to 1."""
    match kind:
        case "hold":
            return np.ones_like(u)
        case "lift":
            return _rise(u, 0.12 + shift, 0.28) - _rise(u, 0.58 + shift, 0.28)
        case "to":
            return _rise(u, 0.34 + shift, 0.28)
        case "off":
            return 1.0 - _rise(u, 0.34 + shift, 0.28)
        case "both":
            return _bump(u, 0.3 + shift, 0.18) + _bump(u, 0.68 + shift, 0.18)
        case "first" | "mid" | "last":
            centre, width = {"first": (0.3, 0.22), "mid": (0.5, 0.28), "last": (0.66, 0.22)}[kind]
            return _bump(u, centre + shift, width)
    v = np.clip((u - 0.14 - shift) / 0.72, 0.0, 1.0)
    if kind == "beat":
        return 0.5 - 0.5 * np.cos(2.0 * np.pi * count * v)
    return np.sin(2.0 * np.pi * count * v)  # shake


def perform(
    seed: int, label: int, person: int, performer: int, frames: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the poses (frame, angle) of a performance that is drawn from ``rng``.

    ``seed`` fixes classes and people; ``person`` is 0, or 1 for the partner in a two-person
    class, whose style is that of ``performer``.
    """
    who = style(seed, performer)
    moves = program(seed, label, person)
    lead, tail = rng.uniform(0.0, 0.18, 2)
    bend = rng.uniform(-0.06, 0.06)
    t = np.linspace(0.0, 1.0, frames)
    u = (t - lead) / (1.0 - lead - tail)
    u = u + bend * np.sin(np.pi * np.clip(u, 0.0, 1.0))
    draws = rng.standard_normal((len(moves.kind), 2))
    weights = np.empty((frames, len(moves.kind)))  # how far each move has come
    for i, (kind, count) in enumerate(zip(moves.kind, moves.count, strict=True)):
        weights[:, i] = _timing(kind, count, u, 0.03 * float(np.clip(draws[i, 1], -2, 2)))
    weights *= who.amplitude * (1.0 + 0.08 * draws[:, 0])
    added = weights @ moves.change
    if rng.random() < who.left_handed:
        added = mirrored(added)
    pose = (
        _RESTING + who.posture + moves.bearing + _OCCASION_SCALE * rng.standard_normal(NUM_ANGLES)
    )
    if rng.random() < who.seated and not moves.stands:
        pose = pose + _SEAT
    phase = 2.0 * np.pi * t[:, None] * _WAVES
    waves = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    return pose + added + waves @ (_WAVE_SIZES * rng.standard_normal(_WAVE_SIZES.shape))
