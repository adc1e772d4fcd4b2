"""Performances of the stand-in: people have habits, and lengths stay within NTU's."""

import numpy as np

from charon.data.standin.body import NUM_ANGLES, Angle
from charon.data.standin.motion import num_frames, perform, style

CLAP = 9


def performed(seed=0, label=CLAP, performer=1, draw=0, frames=90):
    return perform(seed, label, 0, performer, frames, np.random.default_rng(draw))


def test_a_performance_has_a_pose_for_each_frame_and_follows_its_generator():
    poses = performed()
    assert poses.shape == (90, NUM_ANGLES)
    np.testing.assert_array_equal(performed(), poses)
    for other in (performed(draw=1), performed(seed=1), performed(performer=2), performed(label=3)):
        assert (other != poses).any()


def test_a_performance_is_smooth():
    steps = np.abs(np.diff(performed(frames=300), axis=0))
    assert steps.max() < 0.35  # radians from frame to frame


def test_clapping_moves_both_arms_more_than_the_legs():
    deviation = np.mean([performed(draw=draw).std(axis=0) for draw in range(8)], axis=0)
    arms, legs = deviation[Angle.ARM_RAISE : Angle.HIP], deviation[Angle.HIP :]
    assert arms.mean() > 5 * legs.mean()


def test_some_people_mostly_sit_and_some_mostly_use_their_left_hand():
    people = [style(0, performer) for performer in range(1, 107)]
    assert 0.15 < np.mean([who.seated == 0.8 for who in people]) < 0.45
    assert 0.0 < np.mean([who.left_handed == 0.8 for who in people]) < 0.15


def test_lengths_are_within_ntus_and_vary_by_draw():
    rng = np.random.default_rng(0)
    lengths = [num_frames(0, label, 1, 60, rng) for label in range(60) for _ in range(20)]
    assert min(lengths) >= 32
    assert max(lengths) <= 300
    assert len(set(lengths)) > 50
