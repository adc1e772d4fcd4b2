"""The bones of a skeleton: as the set names them, or guessed from how its joints move."""

import numpy as np
from numpy.typing import NDArray

from charon.data.cache.archive import Archive

_CLIPS_FOR_BONES = 200
# So small that only joints which move as one are told apart by their distance.
_SHARE_OF_MEAN = 0.03


def bones_of(archive: Archive) -> tuple[tuple[int, int], ...]:
    """Return the set's bones or, where it names none, the likeliest ones.

    A bone keeps its length within a clip and joins joints that are near each other.
    """
    return archive.description.bones or shortest_tree(_bone_costs(archive))


def _bone_costs(archive: Archive) -> NDArray[np.float64]:
    """Return (joint, joint), metres: how much a distance varies, plus a little of its mean."""
    num_joints = archive.description.num_joints
    cost = np.zeros((num_joints, num_joints))
    chosen = np.linspace(0, archive.num_clips - 1, min(_CLIPS_FOR_BONES, archive.num_clips))
    for row in chosen.astype(np.int64):
        start = archive.start[row]
        body = archive.frames[start : start + archive.length[row], 0].astype(np.float64)
        body = body[body.any(axis=(1, 2))]
        for joint in range(num_joints):
            distance = np.linalg.norm(body - body[:, [joint]], axis=2)
            cost[joint] += distance.std(axis=0) + _SHARE_OF_MEAN * distance.mean(axis=0)
    return cost / len(chosen)


def shortest_tree(cost: NDArray[np.float64]) -> tuple[tuple[int, int], ...]:
    """Return the spanning tree of the smallest total cost (Prim)."""
    inside, bones = [0], []
    while len(inside) < len(cost):
        outside = [joint for joint in range(len(cost)) if joint not in inside]
        best = int(np.argmin(cost[np.ix_(inside, outside)]))
        parent, child = inside[best // len(outside)], outside[best % len(outside)]
        bones.append((parent, child))
        inside.append(child)
    return tuple(bones)
