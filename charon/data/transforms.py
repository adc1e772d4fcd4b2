"""Clips of equal length from the frames of an archive: crop, resize, stack.

Source: the field's feeder (CTR-GCN, STTFormer): a training clip keeps a random stretch of at
least half of its frames and at least 64, a test clip the middle 95 %; then it is resized
linearly to ``num_frames``, with half-pixel centres and without antialiasing.
"""

import hashlib
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from charon.data.cache.archive import Archive
from charon.seeding import derive_seed


def load_clips(
    archive: Archive,
    rows: NDArray[np.int64],
    *,
    num_frames: int = 120,
    crop_key: tuple[int, int] | None = None,
    duplicate_bodies: Literal["drop", "keep"] = "drop",
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the clips at ``rows`` (int64, in any order), cropped and resized to ``num_frames``.

    ``crop_key`` is (seed, epoch) of the random training crop, which is a function of them and of
    the clip's name; None takes the middle, as for test clips. ``duplicate_bodies="keep"`` puts
    back the copies of body 1 that the field's NTU RGB+D 120 files have for an absent body 2.

    Returns:
        x: float32 (clip, channel, frame, joint, body), metres.
        present: bool (clip, body), whether the body is anywhere in the uncropped clip.
    """
    length = archive.length[rows]
    if crop_key is None:
        first, kept = middle_crop(length)
    else:
        first, kept = random_crop(archive.names[rows], length, *crop_key)
    _, num_bodies, num_joints, num_channels = archive.frames.shape
    x = np.empty((len(rows), num_channels, num_frames, num_joints, num_bodies), np.float32)
    start = archive.start[rows] + first
    for begin in range(0, len(rows), 64):  # bounds the memory that resizing takes
        batch = slice(begin, begin + 64)
        resized = _resize(archive.frames, start[batch], kept[batch], num_frames)
        x[batch] = resized.transpose(0, 4, 1, 3, 2)
    present = archive.present[rows]
    if duplicate_bodies == "keep" and num_bodies == 2:
        copied = archive.duplicated[rows]
        x[copied, ..., 1] = x[copied, ..., 0]
        present[copied, 1] = present[copied, 0]
    return x, present


def random_crop(
    names: NDArray[np.str_], length: NDArray[np.int64], seed: int, epoch: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each clip the first frame and the number of frames to keep, int64 (clip,).

    Of v frames, min(max(floor(p v), 64), v) are kept, p uniform in [0.5, 1), from a uniformly
    drawn start.
    """
    share, place = uniform_numbers(names, seed, epoch)
    wanted = np.floor((0.5 + 0.5 * share) * length).astype(np.int64)
    kept = np.minimum(np.maximum(wanted, 64), length)
    return np.floor(place * (length - kept + 1)).astype(np.int64), kept


def middle_crop(length: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what :func:`random_crop` does, for the middle: int(0.05 v / 2) go at each end."""
    cut = ((1 - 0.95) * length / 2).astype(np.int64)
    return cut, length - 2 * cut


def uniform_numbers(
    names: NDArray[np.str_], seed: int, epoch: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two numbers in [0, 1) for each name, a pure function of (seed, name, epoch)."""
    hashes = b"".join(hashlib.blake2b(n.encode(), digest_size=8).digest() for n in names.tolist())
    name = np.frombuffer(hashes, "<u8")
    key = np.uint64(derive_seed(seed, "crop", epoch))
    bits = (_mix(_mix(name ^ key) ^ np.uint64(number)) for number in (1, 2))
    share, place = ((each >> np.uint64(11)).astype(np.float64) * 2.0**-53 for each in bits)
    return share, place


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers. Source: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _resize(
    frames: NDArray[np.float32],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
    num_frames: int,
) -> NDArray[np.float32]:
    """Return frames[start : start + length] of each clip as (clip, frame, body, joint, channel)."""
    centre = (np.arange(num_frames) + 0.5) * (length[:, None] / num_frames) - 0.5
    centre = np.maximum(centre, 0)
    before = np.minimum(centre.astype(np.int64), length[:, None] - 1)
    after = np.minimum(before + 1, length[:, None] - 1)
    weight = (centre - before).astype(np.float32)[..., None, None, None]
    resized = frames[start[:, None] + before]
    step = frames[start[:, None] + after]
    step -= resized
    step *= weight
    resized += step
    return resized
