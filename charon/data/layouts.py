"""Joints of the skeletons that the field uses, beside NTU RGB+D's: origin, bones, parts.

Source: the graphs of PYSKL (COCO and OpenPose) and of CTR-GCN (NW-UCLA).
"""

from dataclasses import dataclass, field

from charon.data import ntu


@dataclass(frozen=True)
class Layout:
    """The joints of a body."""

    centre_joint: int  # its first position is the origin of a clip
    bones: tuple[tuple[int, int], ...] = ()  # pairs of joints, for drawing
    parts: dict[str, tuple[int, ...]] = field(default_factory=dict)  # joints of semantic parts


NTU = Layout(ntu.CENTRE_JOINT, ntu.BONES, ntu.PARTS)

COCO = Layout(
    centre_joint=0,  # nose
    bones=(
        *((0, 1), (0, 2), (1, 3), (2, 4), (0, 5), (0, 6), (5, 6)),
        *((5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12)),
        *((11, 13), (13, 15), (12, 14), (14, 16)),
    ),
    parts={
        "head": (0, 1, 2, 3, 4),
        "left arm": (5, 7, 9),
        "right arm": (6, 8, 10),
        "left leg": (11, 13, 15),
        "right leg": (12, 14, 16),
    },
)
"""The 17 joints of detectors trained on COCO, such as HRNet."""

OPENPOSE = Layout(
    centre_joint=1,  # neck
    bones=(
        *((1, 0), (0, 14), (0, 15), (14, 16), (15, 17), (1, 2), (2, 3), (3, 4)),
        *((1, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    ),
    parts={
        "head": (0, 1, 14, 15, 16, 17),
        "right arm": (2, 3, 4),
        "left arm": (5, 6, 7),
        "right leg": (8, 9, 10),
        "left leg": (11, 12, 13),
    },
)
"""The 18 joints of OpenPose, those of Kinetics-Skeleton."""

KINECT_V1 = Layout(
    centre_joint=1,  # spine
    bones=(
        *((0, 1), (1, 2), (2, 3), (2, 4), (4, 5), (5, 6), (6, 7), (2, 8), (8, 9), (9, 10)),
        *((10, 11), (0, 12), (12, 13), (13, 14), (14, 15), (0, 16), (16, 17), (17, 18), (18, 19)),
    ),
    parts={
        "torso and head": (0, 1, 2, 3),
        "left arm": (4, 5, 6, 7),
        "right arm": (8, 9, 10, 11),
        "left leg": (12, 13, 14, 15),
        "right leg": (16, 17, 18, 19),
    },
)
"""The 20 joints of the first Kinect, those of NW-UCLA."""


def layout_of(num_joints: int, num_channels: int) -> Layout:
    """Return the layout that files of the field have with so many joints and coordinates."""
    known = {(17, 2): COCO, (18, 2): OPENPOSE, (25, 3): NTU}
    return known.get((num_joints, num_channels), Layout(min(1, num_joints - 1)))
