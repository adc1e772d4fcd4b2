"""The rotation of training clips, against the three elementary matrices."""

import math

import pytest
import torch
from tiny_runs import random_clips

from charon.augmentation import RandomRotation, rotation_matrices
from charon.clips import Clips


def about(axis, angle):
    """The textbook matrix of a rotation about one axis."""
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor(
        {
            "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
            "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }[axis]
    )


def test_matrices_are_rz_ry_rx():
    angles = torch.tensor([[0.1, -0.2, 0.3], [0.0, 0.0, math.pi / 2]])
    turns = rotation_matrices(angles)
    expected = about("z", 0.3) @ about("y", -0.2) @ about("x", 0.1)
    torch.testing.assert_close(turns[0], expected)
    # A quarter turn about z brings x to y.
    torch.testing.assert_close(turns[1] @ torch.tensor([1.0, 0, 0]), torch.tensor([0.0, 1, 0]))


def test_a_clip_turns_as_one():
    """All frames, joints and both bodies of a clip by the same matrix, each clip by its own."""
    clips = random_clips(3)
    turned = RandomRotation(0.3, torch.Generator().manual_seed(4))(clips)
    angles = (torch.rand(3, 3, generator=torch.Generator().manual_seed(4)) * 2 - 1) * 0.3
    for n, matrix in enumerate(rotation_matrices(angles)):
        points = clips.x[n].flatten(1)
        torch.testing.assert_close(turned.x[n].flatten(1), matrix @ points)
    assert torch.equal(turned.label, clips.label)
    assert torch.equal(turned.present, clips.present)
    assert (turned.x[0, ..., 1] == 0).all()  # an absent body stays absent


def test_angles_are_uniform_within_the_limit():
    axes = torch.eye(3).reshape(3, 3, 1, 1, 1)  # three clips, a point on each axis
    clips = Clips(axes.repeat(2000, 1, 1, 1, 1), torch.ones(6000, 1) > 0, torch.zeros(6000).long())
    turned = RandomRotation(0.3, torch.Generator().manual_seed(0))(clips).x[:, :, 0, 0, 0]
    # Rz·Ry·Rx brings x to (cz·cy, sz·cy, -sy): its third coordinate is -sin of the y angle.
    angles = -turned[::3, 2].asin()
    assert angles.abs().max() <= 0.3
    assert angles.mean().item() == pytest.approx(0, abs=0.02)
    assert angles.std().item() == pytest.approx(0.3 / math.sqrt(3), rel=0.05)


def test_a_limit_of_zero_changes_nothing_but_draws_all_the_same():
    generator = torch.Generator().manual_seed(0)
    other = torch.Generator().manual_seed(0)
    clips = random_clips(3)
    torch.testing.assert_close(RandomRotation(0.0, generator)(clips).x, clips.x)
    RandomRotation(0.3, other)(clips)
    assert torch.equal(generator.get_state(), other.get_state())


def test_flat_clips_turn_in_their_plane():
    x = torch.randn(4, 2, 3, 5, 1, generator=torch.Generator().manual_seed(0))
    clips = Clips(x, torch.ones(4, 1, dtype=torch.bool), torch.zeros(4, dtype=torch.int64))
    turned = RandomRotation(0.3, torch.Generator().manual_seed(1))(clips)
    torch.testing.assert_close(turned.x.norm(dim=1), x.norm(dim=1))
    assert not torch.allclose(turned.x, x)


def test_a_score_after_two_coordinates_does_not_turn():
    x = torch.randn(4, 3, 3, 5, 1, generator=torch.Generator().manual_seed(0))
    clips = Clips(x, torch.ones(4, 1, dtype=torch.bool), torch.zeros(4, dtype=torch.int64))
    rotate = RandomRotation(0.3, torch.Generator().manual_seed(1), num_coordinates=2)
    turned = rotate(clips).x
    assert torch.equal(turned[:, 2], x[:, 2])
    flat = Clips(x[:, :2].contiguous(), clips.present, clips.label)
    same = RandomRotation(0.3, torch.Generator().manual_seed(1))(flat).x
    torch.testing.assert_close(turned[:, :2], same)
