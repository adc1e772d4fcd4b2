"""Raw skeleton text, read line by line as the format is described."""

import numpy as np

from charon.data.source import Recording


def read_plainly(text):
    lines = iter(text.split("\n"))
    num_frames = int(next(lines))
    frames, ids, xyz = [], [], []
    for frame in range(num_frames):
        for _ in range(int(next(lines))):
            ids.append(next(lines).split()[0])
            frames.append(frame)
            joints = [next(lines).split()[:3] for _ in range(int(next(lines)))]
            xyz.append(np.array(joints, dtype=np.float32))
    return Recording(
        name="plain",
        num_frames=num_frames,
        frame=np.array(frames, dtype=np.int64),
        body_id=tuple(ids),
        xyz=np.array(xyz, dtype=np.float32).reshape(-1, 25, 3),
    )
