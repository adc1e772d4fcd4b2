"""Forward kinematics of the stand-in: bones keep their lengths, angles do what they say."""

import numpy as np
import pytest
from data.standin.standin_statistics import BONES as PAIRS

from charon.data.standin.body import (
    BONES,
    NUM_ANGLES,
    Angle,
    joint_positions,
    mirrored,
    person_bones,
    rotation,
    spread,
)

LENGTHS = {name: mean for name, (mean, _) in BONES.items()}


def posed(**angles):
    pose = np.zeros((1, NUM_ANGLES))
    for name, value in angles.items():
        pose[0, Angle[name]] = value
    return joint_positions(pose, LENGTHS)[0]


def test_bones_keep_their_lengths_in_any_pose():
    poses = np.random.default_rng(0).normal(size=(40, NUM_ANGLES))
    places = joint_positions(poses, LENGTHS)
    for name, pairs in PAIRS.items():
        for a, b in pairs:
            length = np.linalg.norm(places[:, a] - places[:, b], axis=-1)
            np.testing.assert_allclose(length, LENGTHS[name], rtol=0.01)


def test_the_lowest_joint_stands_on_the_floor_raised_by_the_height():
    poses = np.random.default_rng(0).normal(size=(40, NUM_ANGLES))
    lowest = joint_positions(poses, LENGTHS)[:, :, 1].min(axis=1)
    np.testing.assert_allclose(lowest, poses[:, Angle.HEIGHT])


def test_angles_do_what_they_are_called():
    rest = posed()
    assert rest[8, 0] > 0 > rest[4, 0]  # x is to the person's right
    assert posed(ARM_RAISE=np.pi)[11, 1] > rest[3, 1]  # the right hand is above the head
    assert posed(ARM_RAISE=np.pi / 2)[11, 2] < rest[11, 2]  # in front is -z
    assert posed(ARM_RAISE=np.pi / 2, ARM_OUT=np.pi / 2)[11, 0] > rest[11, 0]
    assert posed(LEFT_KNEE=1.0)[14, 2] > rest[14, 2]  # the shank goes back
    np.testing.assert_allclose(
        posed(SIDEWAYS=0.3) - rest, np.tile([0.3, 0, 0], (25, 1)), atol=1e-12
    )
    np.testing.assert_allclose(
        posed(FORWARD=0.3) - rest, np.tile([0, 0, -0.3], (25, 1)), atol=1e-12
    )


def test_a_mirrored_pose_is_the_mirror_image():
    pose = np.random.default_rng(0).normal(size=(10, NUM_ANGLES))
    places, image = (joint_positions(each, LENGTHS) for each in (pose, mirrored(pose)))
    left, right = [*range(4, 8), *range(12, 16), 21, 22], [*range(8, 12), *range(16, 20), 23, 24]
    swapped = np.arange(25)
    swapped[left], swapped[right] = right, left
    np.testing.assert_allclose(image, places[:, swapped] * (-1, 1, 1), atol=1e-12)
    np.testing.assert_array_equal(mirrored(mirrored(pose)), pose)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_rotation_turns_about_its_axis(axis):
    quarter = rotation(axis, np.pi / 2)
    np.testing.assert_allclose(quarter @ quarter.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(quarter @ np.eye(3)[axis], np.eye(3)[axis])
    np.testing.assert_allclose(
        quarter @ np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3], atol=1e-12
    )


def test_any_few_people_differ_as_a_normal_distribution_says():
    draws = np.array([spread(index, 3, 0.4) for index in range(40)])
    assert abs(draws.mean()) < 0.1
    assert draws.std() == pytest.approx(1, rel=0.1)


def test_bones_depend_on_seed_and_person():
    assert person_bones(0, 7).keys() == BONES.keys()
    assert person_bones(0, 7) != person_bones(0, 8)
    assert person_bones(0, 7) != person_bones(1, 7)
