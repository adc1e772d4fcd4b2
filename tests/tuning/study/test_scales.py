"""Scales are overrides of base fields, with a memory that cannot hold everything."""

import pytest

from charon.errors import ConfigError
from charon.memory.thinned import Thinned
from charon.memory.thinned_fp16 import ThinnedFp16
from charon.tuning.session.memory import memory_warnings, small_buffer
from charon.tuning.study.scales import (
    SCALES,
    SMALL_CLIP_VISITS,
    AtMost,
    scale_fields,
    small_buffers,
)

SHAPE = (3, 120, 25, 2)


def run(interval=5, size=500, frames=120, codec="thinned"):
    return {
        "learner.codec": codec,
        "data.num_frames": frames,
        "learner.buffer_size": size,
        "learner.sampling_interval": interval,
    }


@pytest.mark.parametrize("interval", [1, 2, 5, 7, 60])
def test_the_memory_of_a_small_study_holds_at_most_30_percent(interval):
    for name, codec in (("thinned", Thinned), ("thinned_fp16", ThinnedFp16)):
        size = small_buffer([run(interval, codec=name)], SHAPE, 1000)
        assert codec(SHAPE, interval).capacity(size) <= 300
        assert codec(SHAPE, interval).capacity(size + 1) > 300


def test_the_frames_of_a_clip_are_those_of_the_run():
    assert small_buffer([run(5, frames=12)], SHAPE, 1000) == 75  # 3 of 12 frames are stored


def test_one_memory_fits_all_trials_of_a_study():
    assert small_buffer([run(1), run(10)], SHAPE, 1000) == 30


def test_runs_without_a_memory_get_no_buffer_size():
    assert small_buffer([{"learner": "finetune"}], SHAPE, 1000) is None


def test_the_papers_scale_changes_nothing():
    assert scale_fields("paper", 1000) == {}


def test_an_unknown_scale_lists_the_known_ones():
    with pytest.raises(ConfigError, match=", ".join(SCALES)):
        scale_fields("huge", 1000)


def test_a_memory_that_could_hold_everything_is_warned_of_once():
    (warning,) = memory_warnings([run(5, 500), run(5, 500), run(5, 10)], SHAPE, 1000)
    assert "buffer_size=500" in warning
    assert "2500" in warning
    assert memory_warnings([run(1, 999)], SHAPE, 1000) == []
    assert "1998" in memory_warnings([run(1, 999, codec="thinned_fp16")], SHAPE, 1000)[0]


def test_a_small_run_sees_about_as_many_clips_whatever_the_size_of_the_data():
    for num_clips in (284, 1920, 5000):
        epochs = scale_fields("small", num_clips)["optimiser.epochs"]
        assert abs(epochs * num_clips - SMALL_CLIP_VISITS) <= num_clips / 2
    assert scale_fields("small", 10**6)["optimiser.epochs"] == 1


def test_a_small_scale_shortens_intervals_only():
    assert AtMost(2).of(5) == 2
    assert AtMost(2).of(1) == 1


def test_buffer_sizes_keep_their_ratio():
    assert small_buffers([500, 2000], 288) == {500: 72, 2000: 288}
    assert small_buffers([500, 2000], 5000) == {500: 500, 2000: 2000}
    assert small_buffers([1, 2000], 10) == {1: 1, 2000: 10}
