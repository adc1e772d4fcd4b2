"""The statistics that the stand-in is matched to, each computed as its docstring says.

Positions are those of body 1 in prepared clips (centred on its spine's middle in the first
frame, metres), `x` being (frame, joint, xyz).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

BONES = {
    "base_mid": [(0, 1)],
    "mid_shoulders": [(1, 20)],
    "shoulders_neck": [(20, 2)],
    "neck_head": [(2, 3)],
    "shoulder": [(20, 4), (20, 8)],
    "upper_arm": [(4, 5), (8, 9)],
    "forearm": [(5, 6), (9, 10)],
    "hand": [(6, 7), (10, 11)],
    "hip": [(0, 12), (0, 16)],
    "thigh": [(12, 13), (16, 17)],
    "shank": [(13, 14), (17, 18)],
    "foot": [(14, 15), (18, 19)],
    "tip": [(7, 21), (11, 23)],
    "thumb": [(7, 22), (11, 24)],
}
NOISE_GROUPS = {
    "trunk": (0, 1, 2, 3, 20, 4, 8, 12, 16),
    "elbows": (5, 9),
    "wrists": (6, 10),
    "hands": (7, 11),
    "feet": (15, 19),
    "tips": (21, 23),
    "thumbs": (22, 24),
}


def bone_lengths(clips: Sequence[Array], subject: NDArray[np.int64]) -> dict[str, Array]:
    """Return for each bone one length a person: the median over his frames, both sides."""
    out = {}
    for name, pairs in BONES.items():
        per_clip = np.array(
            [
                np.median([np.linalg.norm(x[:, a] - x[:, b], axis=-1) for a, b in pairs])
                for x in clips
            ]
        )
        out[name] = np.array([np.median(per_clip[subject == s]) for s in np.unique(subject)])
    return out


def noise(clips: Sequence[Array]) -> dict[str, float]:
    """Return the level of the white noise in mm.

    Third differences in time remove the motion; white noise of deviation s leaves
    differences of deviation sqrt(20) s. The median of their size, over 0.6745, is a
    deviation that heavy tails and guessed joints hardly touch.
    """
    out = {}
    for name, joints in NOISE_GROUPS.items():
        third = [np.abs(np.diff(x[:, joints], 3, axis=0)).ravel() for x in clips]
        out[name] = float(1e3 * np.median(np.concatenate(third)) / 0.6745 / np.sqrt(20.0))
    return out


def kurtosis(clips: Sequence[Array], joints: Sequence[int] = (21, 22, 23, 24)) -> float:
    """Return the kurtosis of the third differences of tips and thumbs (normal: 3)."""
    third = np.concatenate([np.diff(x[:, joints], 3, axis=0).ravel() for x in clips])
    return float(np.mean(third**4) / np.mean(third**2) ** 2)


def spread(clips: Sequence[Array]) -> Array:
    """Return the deviation of x, y and z over all frames and joints of all clips."""
    return np.std(np.concatenate([x.reshape(-1, 3) for x in clips]), axis=0)


def shoulder_yaw(clips: Sequence[Array]) -> Array:
    """Return each clip's mean direction of the line from left to right shoulder, degrees."""
    line = np.array([(x[:, 8] - x[:, 4]).mean(axis=0) for x in clips])
    return np.rad2deg(np.arctan2(line[:, 2], line[:, 0]))


def apart(x: NDArray[np.float32]) -> float:
    """Return how far the spines' middles of two bodies are apart: the median over frames.

    `x` is (frame, body, joint, xyz); frames without either body do not count.
    """
    both = x.any(axis=(2, 3)).all(axis=1)
    return float(np.median(np.linalg.norm(x[both, 0, 1] - x[both, 1, 1], axis=-1)))


def autocorrelation(clips: Sequence[Array], lags: Sequence[int]) -> Array:
    """Return the autocorrelation of positions at these lags (frames).

    Per clip: the clip's mean pose is removed; products at a lag, summed over joints, axes
    and the frames that have a partner, over the sum of squares. Then the mean over clips.
    """
    rows = []
    for x in clips:
        d = x.reshape(len(x), -1) - x.reshape(len(x), -1).mean(axis=0)
        total = np.sum(d**2)
        rows.append([np.sum(d[lag:] * d[:-lag]) / total for lag in lags])
    return np.mean(rows, axis=0)


def power(clips: Sequence[Array], cycles: int = 4) -> Array:
    """Return the share of a clip's variance at 1, 2, ... cycles per clip; mean over clips."""
    rows = []
    for x in clips:
        d = x.reshape(len(x), -1) - x.reshape(len(x), -1).mean(axis=0)
        p = np.sum(np.abs(np.fft.rfft(d, axis=0)) ** 2, axis=1)
        rows.append(p[1 : cycles + 1] / p[1:].sum())
    return np.mean(rows, axis=0)


def pose_dimensions(clips: Sequence[Array], share: float = 0.9) -> int:
    """Return how many principal directions hold this share of the variance inside clips."""
    d = np.concatenate([(x - x.mean(axis=0)).reshape(len(x), -1) for x in clips])
    values = np.linalg.eigvalsh(d.T @ d)[::-1]
    return int(np.searchsorted(np.cumsum(values) / values.sum(), share) + 1)


def resized(x: Array, frames: int = 120) -> Array:
    """Return a clip of this many frames: linear, half-pixel centres, no antialiasing."""
    at = np.clip((np.arange(frames) + 0.5) * len(x) / frames - 0.5, 0, len(x) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(x) - 1)
    weight = (at - low).reshape(-1, *[1] * (x.ndim - 1))
    return x[low] * (1 - weight) + x[high] * weight


def differences(
    clips: Array, label: NDArray[np.int64], subject: NDArray[np.int64]
) -> dict[tuple[bool, bool], float]:
    """Return the mean squared difference per coordinate of two clips, square metres.

    `clips` is (clip, frame, joint, xyz), resized. All pairs of different clips are
    averaged; keys are (same class, same person).
    """
    flat = clips.reshape(len(clips), -1).astype(np.float32)
    square = np.sum(flat**2, axis=1, dtype=np.float64)
    distance = (square[:, None] + square - 2.0 * (flat @ flat.T)) / flat.shape[1]
    same_class = label[:, None] == label
    same_person = subject[:, None] == subject
    different = ~np.eye(len(flat), dtype=bool)
    return {
        (c, p): float(distance[(same_class == c) & (same_person == p) & different].mean())
        for c in (True, False)
        for p in (True, False)
    }


def interpolation_error(clips: Array, interval: int, *, delayed: bool) -> float:
    """Return the mean squared error of clips of 120 frames, thinned and rebuilt.

    Every `interval`-th frame is kept. Exact: linear between the true positions, the last
    kept frame held. Delayed: the kept frames are resized to 120 with half-pixel centres.
    """
    kept = clips[:, ::interval]
    frames = clips.shape[1]
    at = np.arange(frames) / interval
    if delayed:
        at = (np.arange(frames) + 0.5) * kept.shape[1] / frames - 0.5
    at = np.clip(at, 0, kept.shape[1] - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, kept.shape[1] - 1)
    weight = (at - low).astype(clips.dtype)[None, :, None, None]
    rebuilt = kept[:, low] * (1 - weight) + kept[:, high] * weight
    return float(np.mean((rebuilt - clips) ** 2, dtype=np.float64))


def nearest_neighbour(clips: Array, label: NDArray[np.int64], in_train: NDArray[np.bool_]) -> float:
    """Return the accuracy (percent) of the nearest training clip, every 6th frame compared."""
    flat = clips[:, ::6].reshape(len(clips), -1).astype(np.float32)
    train, test = flat[in_train], flat[~in_train]
    distance = np.sum(train**2, axis=1) - 2.0 * (test @ train.T)
    found = label[in_train][np.argmin(distance, axis=1)]
    return float(100.0 * np.mean(found == label[~in_train]))
