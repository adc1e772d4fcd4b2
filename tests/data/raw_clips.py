"""Recordings for the tests of the `.skeleton` reader and of the preparation, and their text."""

import numpy as np

from charon.data.source import Recording

# Kinect's ids have 17 digits: more than a double can hold.
IDS = [str(72057594037931101 + index) for index in range(6)]


def random_raw_clip(seed, *, num_frames=30, max_bodies=4, name="random"):
    """Bodies enter, leave, vanish in between, lie flat now and then; some frames are empty."""
    rng = np.random.default_rng(seed)
    seen = []
    for body in IDS[: rng.integers(1, max_bodies + 1)]:
        first, last = sorted(rng.integers(0, num_frames + 1, size=2))
        if rng.random() < 0.5:
            first, last = 0, num_frames
        gaps = rng.random() * 0.5 if rng.random() < 0.5 else 0.0
        flat = rng.choice([0.0, 0.3, 0.6, 0.75, 0.9, 1.0])
        place, size = rng.normal(0, 1, 3), rng.uniform(0.1, 0.6)
        for frame in range(first, last):
            if rng.random() < gaps:
                continue
            shape = [2.0, 0.5, 1.0] if rng.random() < flat else [0.5, 2.0, 1.0]
            seen.append((frame, body, place + rng.normal(0, size, (25, 3)) * shape))
    seen.sort(key=lambda one: one[0])
    xyz = np.array([joints for _, _, joints in seen], dtype=np.float32).reshape(-1, 25, 3)
    return Recording(
        name=name,
        num_frames=num_frames,
        frame=np.array([frame for frame, _, _ in seen], dtype=np.int64),
        body_id=tuple(body for _, body, _ in seen),
        xyz=xyz,
    )


def standing(frames, body="1", *, height=2.0, width=0.5, shift=0.0, sway=0.0):
    """Appearances of one body: ``(frame, body, xyz)``; ``sway`` is its motion in metres."""
    y = np.linspace(0, height, 25)
    x = np.linspace(0, width, 25)
    out = []
    for step, frame in enumerate(frames):
        offset = shift + sway * (-1) ** step
        out.append((frame, body, np.stack([x + offset, y + 1, np.full(25, 3.0)], axis=1)))
    return out


def raw_clip(appearances, num_frames, name="S001C001P001R001A001"):
    """A recording of ``(frame, body, xyz)`` in any order."""
    ordered = sorted(appearances, key=lambda one: one[0])
    return Recording(
        name=name,
        num_frames=num_frames,
        frame=np.array([frame for frame, _, _ in ordered], dtype=np.int64),
        body_id=tuple(body for _, body, _ in ordered),
        xyz=np.array([xyz for _, _, xyz in ordered], dtype=np.float32).reshape(-1, 25, 3),
    )


def format_skeleton(clip):
    """The recording as `.skeleton` text, with digits enough for the identical float32.

    What a recording does not hold is written as 0, and every tracking state as 2 (tracked).
    """
    bodies = [[] for _ in range(clip.num_frames)]
    for index, body, xyz in zip(clip.frame.tolist(), clip.body_id, clip.xyz, strict=True):
        joints = ("%.9g %.9g %.9g 0 0 0 0 0 0 0 0 2\n" * 25) % tuple(xyz.ravel().tolist())
        bodies[index].append(f"{body} 0 0 0 0 0 0 0 0 2\n25\n{joints}")
    frames = (f"{len(seen)}\n{''.join(seen)}" for seen in bodies)
    return f"{clip.num_frames}\n{''.join(frames)}"
