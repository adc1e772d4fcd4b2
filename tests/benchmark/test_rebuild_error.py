"""The error of rebuilt clips, against numbers worked out by hand."""

import pytest
import torch

from charon.benchmark.rebuild_error import rebuild_errors
from charon.memory import CODECS, STORAGES


def rows(clips, present, storage="float32"):
    found = rebuild_errors(clips, present)
    return {
        (r["codec"], r["rebuild"], r["sampling_interval"]): r
        for r in found
        if r["storage"] == storage
    }


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
    present = torch.ones(2, 2, dtype=torch.bool)
    found = rows(clips, present)
    assert found["thinned", "resize", 4]["mse"] > found["thinned", "linear", 4]["mse"]
    for key, half in rows(clips, present, "float16").items():
        if key[0] != "key_frames":
            assert found[key]["bytes_per_clip"] == 2 * half["bytes_per_clip"]


def test_every_codec_is_measured_with_every_storage():
    clips = torch.rand(2, 3, 12, 4, 1)
    found = {storage: rows(clips, torch.ones(2, 1).bool(), storage) for storage in STORAGES}
    for by_key in found.values():
        assert {codec for codec, _, _ in by_key} == set(CODECS)
        assert {rebuild for codec, rebuild, _ in by_key if codec != "thinned"} == {"linear"}
    assert all(row["mse"] < 1e-9 for row in found["float32"].values() if row["joint_mm"] < 1e-2)
    best = found["float32"]["least_squares", "linear", 3]["mse"]
    assert best < found["float32"]["thinned", "linear", 3]["mse"]


def test_bodies_that_are_absent_do_not_count():
    clips = torch.zeros(1, 3, 4, 1, 2)
    clips[0, 0, :, 0, 1] = torch.tensor([0.0, 9.0, 0.0, 9.0])
    found = rows(clips, torch.tensor([[True, False]]))
    assert found["thinned", "linear", 2]["mse"] == 0.0
