"""The stand-in's camera: errors of single joints, and three views of one performance."""

import numpy as np
import pytest

from charon.data.standin.sensor import measure, person_yaw, view


def test_about_12_percent_of_joints_are_inferred_for_a_while():
    rng = np.random.default_rng(0)
    states = [measure(np.zeros((90, 25, 3)), rng)[1] for _ in range(48)]
    assert {state.dtype for state in states} == {np.dtype(np.int8)}
    inferred = np.concatenate([state == 1 for state in states])
    assert inferred.mean() == pytest.approx(0.12, rel=0.2)
    # Correlated in time: what is inferred mostly was so in the frame before.
    again = sum(int((state[1:][state[:-1] == 1] == 1).sum()) for state in states)
    before = sum(int((state[:-1] == 1).sum()) for state in states)
    assert again / before > 0.5


def test_errors_are_small_and_larger_where_a_joint_is_inferred():
    places = np.random.default_rng(1).normal(size=(300, 25, 3))
    measured, state = measure(places, np.random.default_rng(0))
    assert measured.dtype == np.float32
    error = np.linalg.norm(measured - places, axis=-1)
    assert error[state == 2].mean() < 0.005 < error[state == 1].mean() < 0.1


def test_a_view_turns_and_moves_but_keeps_distances():
    bodies = np.random.default_rng(0).normal(size=(1, 5, 25, 3))
    views = [view(bodies, 0, 1, camera, 0.0, np.random.default_rng(0)) for camera in (1, 2, 3)]
    for seen in views:
        np.testing.assert_allclose(
            np.linalg.norm(seen[0, :, 3] - seen[0, :, 9], axis=-1),
            np.linalg.norm(bodies[0, :, 3] - bodies[0, :, 9], axis=-1),
        )
        assert 2 < seen[0, 0, 1, 2] < 5  # metres from the camera
    assert np.abs(views[0] - views[2]).max() > 0.1


def test_people_face_differently_and_always_in_the_same_way():
    angles = [person_yaw(0, performer) for performer in range(1, 41)]
    assert np.rad2deg(np.std(angles)) == pytest.approx(15, rel=0.2)
    assert person_yaw(0, 3) == person_yaw(0, 3) != person_yaw(1, 3)
