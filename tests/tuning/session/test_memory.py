"""Sizes of memories, known before a trial runs."""

import pytest
from tiny_runs import NUM_CLASSES, PARTS, TINY, learn, tiny_run, write_set

from charon.errors import ConfigError
from charon.learners import LEARNERS
from charon.memory.thinned import Thinned
from charon.memory.thinned_fp16 import ThinnedFp16
from charon.tuning.session.memory import MemorySize, check_memory, memory_warnings, small_buffer
from charon.tuning.study.space import Choice, Whole

SIZE = MemorySize((3, 12, 5, 2), NUM_CLASSES, PARTS)


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_the_bytes_of_a_memory_are_known_before_it_is_filled(learner, tmp_path):
    run = tiny_run(learner, optimiser__epochs=1)
    clips, num_bytes = SIZE(run.to_flat())
    stream, results = learn(run, write_set(tmp_path / "set"))
    measured = results[-1].metrics
    assert clips == (stream.learner.memory.capacity if stream.learner.memory is not None else 0)
    per_clip = num_bytes / clips if clips else 0
    assert measured["memory/bytes"] == per_clip * measured["memory/clips"]
    assert measured["memory/bytes"] <= num_bytes


def start(**changes):
    return tiny_run("charon", **changes).to_flat()


def test_a_start_over_the_budget_is_an_error_with_both_numbers():
    _, num_bytes = SIZE(start())
    check_memory({}, start(), SIZE, 100, num_bytes)
    with pytest.raises(ConfigError, match=f"give it at least {num_bytes}"):
        check_memory({}, start(), SIZE, 100, num_bytes - 1)


def test_a_start_whose_memory_holds_all_clips_is_an_error():
    with pytest.raises(ConfigError, match="nothing need be forgotten"):
        check_memory({}, start(learner__buffer_size=100), SIZE, 100, None)


def test_a_value_that_leaves_too_little_of_a_clip_is_an_error():
    space = {"learner.sampling_interval": Choice((3, 12))}
    with pytest.raises(ConfigError, match="sampling_interval < 12"):
        check_memory(space, start(), SIZE, 100, None)
    check_memory(
        {"learner.buffer_size": Whole(1, TINY["learner.buffer_size"])}, start(), SIZE, 99, None
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


def test_a_memory_that_could_hold_everything_is_warned_of_once():
    (warning,) = memory_warnings([run(5, 500), run(5, 500), run(5, 10)], SHAPE, 1000)
    assert "buffer_size=500" in warning
    assert "2500" in warning
    assert memory_warnings([run(1, 999)], SHAPE, 1000) == []
    assert "1998" in memory_warnings([run(1, 999, codec="thinned_fp16")], SHAPE, 1000)[0]
