"""Layouts of joints: bones are a tree, parts share no joint."""

import pytest

from charon.data.layouts import COCO, KINECT_V1, NTU, OPENPOSE, layout_of


@pytest.mark.parametrize(
    ("layout", "num_joints"), [(COCO, 17), (OPENPOSE, 18), (KINECT_V1, 20), (NTU, 25)]
)
def test_parts_share_no_joint_and_bones_reach_every_joint(layout, num_joints):
    joints = [joint for members in layout.parts.values() for joint in members]
    assert len(joints) == len(set(joints))
    assert set(joints) <= set(range(num_joints))
    reached = {0}
    while len(reached) < num_joints:
        new = {b for bone in layout.bones for b in bone if reached & set(bone)} - reached
        assert new, "a joint without a bone"
        reached |= new
    assert 0 <= layout.centre_joint < num_joints


def test_a_layout_is_known_by_its_joints_and_coordinates():
    assert layout_of(17, 2) is COCO
    assert layout_of(18, 2) is OPENPOSE
    assert layout_of(25, 3) is NTU
    assert layout_of(17, 3).centre_joint == 1
    assert layout_of(1, 3).centre_joint == 0
    assert layout_of(17, 3).parts == {}
