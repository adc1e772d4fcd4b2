"""Least-squares knots: splines come back, and no other knots err less."""

import pytest
import torch
from memory.codecs.plain import clip_of, interpolated, noise, num_kept

from charon.memory.codecs.least_squares import LeastSquares


def test_a_line_is_kept_by_its_ends():
    codec = LeastSquares((1, 9, 1, 1), 5)
    (knots,) = codec.encode(clip_of(range(9)))
    torch.testing.assert_close(knots.flatten(), torch.tensor([0.0, 8.0]))
    torch.testing.assert_close(codec.decode((knots,)), clip_of(range(9)))


@pytest.mark.parametrize("interval", [2, 3, 5, 7])
def test_it_rebuilds_what_a_loop_does_and_errs_least(interval):
    x = noise(20)
    codec = LeastSquares(x.shape[1:], interval)
    count = num_kept(20, interval)
    places = [19 * k / (count - 1) for k in range(count)]
    (knots,) = codec.encode(x)
    rebuilt = codec.decode((knots,))
    torch.testing.assert_close(rebuilt, interpolated(knots, places, 20))
    least = (rebuilt - x).square().sum()
    for moved in range(count):
        for by in (-0.01, 0.01):
            other = knots.clone()
            other[:, :, moved] += by
            assert (interpolated(other, places, 20) - x).square().sum() > least
