"""Tuples and the positional code."""

import math

import torch

from charon.model.tuples import PositionalCode, sinusoidal_code, to_frames, to_tuples


def test_token_index_is_frame_times_joints_plus_joint():
    # 4 frames of 3 joints, 2 frames a tuple; each number says frame and joint.
    x = torch.arange(4)[:, None] * 10 + torch.arange(3)
    tuples = to_tuples(x[None, None].float(), frames_per_tuple=2)
    assert tuples.shape == (1, 1, 6, 2)
    assert tuples[0, 0, :, 0].tolist() == [0, 1, 2, 10, 11, 12]
    assert tuples[0, 0, :, 1].tolist() == [20, 21, 22, 30, 31, 32]


def test_frames_come_back_from_tuples():
    x = torch.randn(2, 3, 12, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(to_frames(to_tuples(x, 3), 3), x)


def test_the_code_is_sines_and_cosines_of_falling_frequency():
    code = sinusoidal_code(4, 150)
    for position in (0, 1, 149):
        slow = position / math.sqrt(10000)
        expected = [math.sin(position), math.cos(position), math.sin(slow), math.cos(slow)]
        torch.testing.assert_close(code[:, position], torch.tensor(expected))
    # An odd number of channels ends with a sine.
    assert sinusoidal_code(3, 5).shape == (3, 5)


def test_the_code_is_the_same_for_every_tuple_unless_time_is_encoded():
    for of_time in (False, True):
        code = PositionalCode(4, 3, 6, of_time)
        code.reset()
        added = code(torch.zeros(1, 4, 6, 3))
        assert torch.equal(added[..., 0], added[..., 1]) is not of_time
