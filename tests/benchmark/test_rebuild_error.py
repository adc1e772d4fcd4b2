"""The error of rebuilt clips, against numbers worked out by hand."""

import pytest
import torch

from charon.benchmark.rebuild_error import rebuild_errors


def rows(clips, present):
    found = rebuild_errors(clips, present)
    return {(r["codec"], r["rebuild"], r["sampling_interval"]): r for r in found}


def test_a_joint_that_moves_evenly_is_rebuilt_but_for_the_frames_held_at_the_end():
    # x = 0, 1, 2, 3 metres; at s = 2 frames 0 and 2 are stored, and frame 3 holds frame 2.
    clips = torch.zeros(1, 3, 4, 1, 1)
    clips[0, 0, :, 0, 0] = torch.arange(4.0)
    found = rows(clips, torch.tensor([[True]]))
    assert found["thinned", "linear", 1]["mse"] == 0.0
    assert found["thinned", "linear", 2]["mse"] == pytest.approx(1 / 12)  # one of 4 x 3 values
    assert found["thinned", "linear", 2]["joint_mm"] == pytest.approx(250.0)
    assert found["thinned", "linear", 2]["bytes_per_clip"] == 2 * 3 * 4


def test_resizing_is_late_and_half_precision_takes_half_of_the_bytes():
    clips = torch.linspace(0, 2, 8).repeat(2, 3, 5, 2, 1).permute(0, 1, 4, 2, 3).contiguous()
    found = rows(clips, torch.ones(2, 2, dtype=torch.bool))
    assert found["thinned", "resize", 4]["mse"] > found["thinned", "linear", 4]["mse"]
    whole, half = found["thinned", "linear", 4], found["thinned_fp16", "linear", 4]
    assert whole["bytes_per_clip"] == 2 * half["bytes_per_clip"]


def test_bodies_that_are_absent_do_not_count():
    clips = torch.zeros(1, 3, 4, 1, 2)
    clips[0, 0, :, 0, 1] = torch.tensor([0.0, 9.0, 0.0, 9.0])
    found = rows(clips, torch.tensor([[True, False]]))
    assert found["thinned", "linear", 2]["mse"] == 0.0
