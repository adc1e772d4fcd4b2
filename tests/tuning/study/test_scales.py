"""Scales are overrides of base fields, with a memory that cannot hold everything."""

from charon.tuning.study.scales import (
    SMALL_CLIP_VISITS,
    AtMost,
    scale_fields,
)


def test_the_papers_scale_changes_nothing():
    assert scale_fields("paper", 1000) == {}


def test_a_smoke_run_is_a_small_run_of_one_epoch():
    assert scale_fields("smoke", 1000) == {
        **scale_fields("small", 1000),
        "optimiser.epochs": 1,
    }


def test_a_small_run_sees_about_as_many_clips_whatever_the_size_of_the_data():
    for num_clips in (284, 1920, 5000):
        epochs = scale_fields("small", num_clips)["optimiser.epochs"]
        assert abs(epochs * num_clips - SMALL_CLIP_VISITS) <= num_clips / 2
    assert scale_fields("small", 10**6)["optimiser.epochs"] == 1


def test_a_small_scale_shortens_intervals_only():
    assert AtMost(2).of(5) == 2
    assert AtMost(2).of(1) == 1
