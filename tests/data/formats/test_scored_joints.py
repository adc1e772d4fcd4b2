"""Detected joints: absent where the score is low, two bodies of many, the origin."""

import numpy as np
import pytest

from charon.data.formats.scored_joints import ScoreChoice, place_joints

NO = ScoreChoice()


def clip(num_bodies=1, num_frames=4, num_joints=3, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(num_frames, num_bodies, num_joints, 2)).astype(np.float32)
    return x, np.full((num_frames, num_bodies, num_joints), 0.5, np.float32)


def test_the_centre_joint_of_the_first_body_is_the_origin():
    x, score = clip(2)
    placed = place_joints(x, score, NO, 1)
    np.testing.assert_array_equal(placed, x - x[0, 0, 1])
    assert placed.dtype == np.float32


def test_a_joint_with_a_low_score_is_absent_and_moves_no_origin():
    x, score = clip()
    score[0, 0, 1] = 0.2  # the centre joint is first seen in frame 1
    score[2, 0, 0] = 0.2
    placed = place_joints(x, score, ScoreChoice(min_score=0.2), 1)
    assert not placed[0, 0, 1].any()
    assert not placed[2, 0, 0].any()
    np.testing.assert_array_equal(placed[0, 0, 0], x[0, 0, 0] - x[1, 0, 1])
    np.testing.assert_array_equal(place_joints(x, score, NO, 1), x - x[0, 0, 1])


def test_without_the_centre_joint_the_first_frames_mean_is_the_origin():
    x, score = clip()
    score[:, 0, 1] = 0
    score[0] = 0
    placed = place_joints(x, score, NO, 1)
    np.testing.assert_allclose(placed[1, 0, 0], x[1, 0, 0] - (x[1, 0, 0] + x[1, 0, 2]) / 2)
    assert not placed[0].any()


def test_the_two_bodies_with_the_highest_scores_are_kept_the_highest_first():
    x, score = clip(4)
    score *= np.array([0.2, 0.9, 0.1, 0.5], np.float32)[:, None]
    placed = place_joints(x, score, NO, 0)
    np.testing.assert_array_equal(placed, x[:, [1, 3]] - x[0, 1, 0])


def test_a_first_body_that_is_nowhere_changes_places_with_the_second():
    x, score = clip(2)
    score[:, 0] = 0
    placed = place_joints(x, score, NO, 0)
    np.testing.assert_array_equal(placed[:, 0], x[:, 1] - x[0, 1, 0])
    assert not placed[:, 1].any()


def test_scores_can_be_a_third_channel_that_is_not_centred():
    x, score = clip()
    score[1, 0, 2] = 0.001
    placed = place_joints(x, score, ScoreChoice("channel"), 0)
    assert placed.shape == (4, 1, 3, 3)
    np.testing.assert_array_equal(placed[..., :2], place_joints(x, score, NO, 0))
    expected = score.copy()
    expected[1, 0, 2] = 0
    np.testing.assert_array_equal(placed[..., 2], expected)


@pytest.mark.parametrize("num_bodies", [1, 2, 3])
def test_a_clip_without_a_joint_is_none(num_bodies):
    x, score = clip(num_bodies)
    assert place_joints(x, score * 0, NO, 0) is None
