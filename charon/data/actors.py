"""The two actors of a clip from the bodies of a recording, as the field prepares NTU RGB+D.

Frames without a body are dropped, false bodies are removed, the others are put into two slots,
and the origin is moved to the first actor. Nothing is rotated or scaled.

The arithmetic is the field's to the last bit: coordinates are stored and subtracted in
float32; motion is ``np.var`` over the float32 (frame and joint, 3) array of a body; the
product with 0.8 and the share of invalid frames are float64.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from charon.data.ntu import CENTRE_JOINT, NUM_BODIES, NUM_JOINTS
from charon.data.source import Recording, SourceClip, Unreadable
from charon.errors import DataError

# The thresholds of the field's denoising.
MAX_NOISE_FRAMES = 11
MAX_WIDTH_TO_HEIGHT = 0.8
MIN_INVALID_SHARE = 0.69754


class _Track(NamedTuple):
    """A body over time, and the frames of the clip that it is put into."""

    frame: NDArray[np.int64]  # (appearance,), ascending
    xyz: NDArray[np.float32]  # (appearance, joint, 3)


def prepare_clip(clip: Recording, *, keep_gaps: bool = False) -> NDArray[np.float32]:
    """Return the two actors of a recording, centred, without its empty frames.

    ``keep_gaps`` keeps the gap of a body that vanishes and returns. The field (False) closes it:
    that body's later frames move forward, out of step with the other body.

    Returns:
        float32 (frame, 2, 25, 3), metres; an absent actor is all zeros.

    Raises:
        DataError: no frame has a body; none of several bodies is seen in more than 11 frames;
            an id is seen more often than there are frames; or actor 1 is zero throughout. The
            message begins with the clip's name.
    """
    try:
        if not clip.body_id:
            raise DataError(f"none of its {clip.num_frames} frames has a body.")
        num_frames, tracks = _collect_tracks(clip, keep_gaps=keep_gaps)
        if len(tracks) == 1:
            x = _fill_slots(tracks, num_frames)
        else:
            x = _fill_slots(_sort_people(tracks), num_frames)
            x = x[np.sum(x.reshape(num_frames, -1), axis=1) != 0]
        return centre(x, CENTRE_JOINT)
    except DataError as error:
        raise DataError(f"{clip.name}: {error}") from None


def centre(x: NDArray[np.float32], centre_joint: int) -> NDArray[np.float32]:
    """Return (frame, body, joint, channel) with the origin at a joint of body 0.

    Its position in the first frame where body 0 is not all zeros is subtracted everywhere but
    from absent bodies, which stay zero.

    Raises:
        DataError: body 0 is absent in every frame. The message does not name the clip.
    """
    present: NDArray[np.bool_] = np.any(x, axis=(2, 3))
    frames = np.flatnonzero(present[:, 0])
    if not frames.size:
        raise DataError("the first body is zero in every frame, so the clip has no origin.")
    centred: NDArray[np.float32] = x - x[frames[0], 0, centre_joint]
    centred[~present] = 0
    return centred


def prepare_padded(clip: SourceClip, centre_joint: int = CENTRE_JOINT) -> SourceClip | Unreadable:
    """Return a clip, centred, whose second body is zeroed (in place too) if it copies the first.

    The field's NTU RGB+D 120 files have such a copy wherever only one person was seen.
    """
    x = clip.x
    is_copy = x.shape[1] == 2 and bool(x.any()) and np.array_equal(x[:, 0], x[:, 1])
    if is_copy:
        x[:, 1] = 0
    try:
        return replace(clip, x=centre(x, centre_joint), duplicated=is_copy)
    except DataError as error:
        return Unreadable(clip.name, str(error))


def two_bodies(x: NDArray[np.float32], weight: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the two bodies of (frame, body, joint, channel) that weigh most, the heavier first.

    Bodies of the same weight keep their order; up to two bodies are returned as they are.
    """
    if x.shape[1] <= 2:
        return x
    return x[:, np.argsort(-weight, kind="stable")[:2]]


def motion_of(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how much each body of (frame, body, joint, channel) moves.

    It is the variance over the frames in which the body is present, and its joints, summed over
    channels: the field's measure for NTU RGB+D.
    """
    motion = np.zeros(x.shape[1])
    for body in range(x.shape[1]):
        seen = x[np.any(x[:, body], axis=(1, 2)), body]
        if len(seen):
            motion[body] = np.var(seen.reshape(-1, x.shape[3]), axis=0, dtype=np.float64).sum()
    return motion


def _collect_tracks(clip: Recording, *, keep_gaps: bool) -> tuple[int, list[_Track]]:
    """Return the number of frames with a body, and the bodies in order of appearance."""
    frames, counter = np.unique(clip.frame, return_inverse=True)
    appearances: dict[str, list[int]] = {}
    for index, body in enumerate(clip.body_id):
        appearances.setdefault(body, []).append(index)
    tracks = []
    for body, seen in appearances.items():
        frame = counter[seen] if keep_gaps else counter[seen[0]] + np.arange(len(seen))
        if frame[-1] >= len(frames):
            raise DataError(f"body {body} is seen {len(seen)} times in {len(frames)} frames.")
        tracks.append(_Track(frame, clip.xyz[seen]))
    return len(frames), tracks


def _sort_people(tracks: list[_Track]) -> list[_Track]:
    """Return the bodies that are people, those that move most first; two or more are given."""
    people = [track for track in tracks if len(track.frame) > MAX_NOISE_FRAMES]
    if not people:
        raise DataError(
            f"none of its {len(tracks)} bodies is seen in more than {MAX_NOISE_FRAMES} frames."
        )
    if len(people) == 1:
        return people
    motions: list[tuple[np.float32, _Track]] = []
    for index, track in enumerate(people):
        if not motions and index == len(people) - 1:
            return [track]  # the last body left is not judged
        valid = _is_upright(track.xyz)
        motion = _motion(track.xyz)
        num_invalid = len(valid) - np.count_nonzero(valid)
        if num_invalid / len(valid) >= MIN_INVALID_SHARE:
            continue
        if num_invalid:
            motion = min(motion, _motion(track.xyz[valid]))
        motions.append((motion, track))
    motions.sort(key=lambda pair: pair[0], reverse=True)  # stable: ties by first appearance
    return [track for _, track in motions]


def _is_upright(xyz: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return for each appearance whether the body is at most 0.8 times as wide as high."""
    # Joints before appearances: numpy is fast along the last axis.
    width, height = np.ptp(np.ascontiguousarray(xyz[:, :, :2].transpose(1, 2, 0)), axis=0)
    return np.asarray(width <= MAX_WIDTH_TO_HEIGHT * height.astype(np.float64))


def _motion(xyz: NDArray[np.float32]) -> np.float32:
    """Return the variance over frames and joints, summed over x, y and z; square metres."""
    return np.float32(np.var(xyz.reshape(-1, 3), axis=0).sum())


def _fill_slots(people: list[_Track], num_frames: int) -> NDArray[np.float32]:
    """Put each body into the first slot whose interval it does not overlap, if there is one."""
    x = np.zeros((num_frames, NUM_BODIES, NUM_JOINTS, 3), dtype=np.float32)
    first, *others = people
    x[first.frame, 0] = first.xyz
    intervals = [(first.frame[0], first.frame[-1]), (0, 0)]
    for track in others:
        begin, last = track.frame[0], track.frame[-1]
        for slot, (start, end) in enumerate(intervals):
            # The field's test: sharing a single frame is no overlap, and the later body wins.
            if min(end, last) - max(start, begin) <= 0:
                x[track.frame, slot] = track.xyz
                intervals[slot] = (min(start, begin), max(end, last))
                break
    return x
