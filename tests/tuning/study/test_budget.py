"""What the memories of a search may take: bytes, known before a setting runs."""

import pytest
from tiny_runs import NUM_CLASSES, PARTS, TINY, learn, tiny_run, write_set

from charon.errors import ConfigError
from charon.learners import LEARNERS
from charon.tuning.session.memory import MemorySize, check_memory
from charon.tuning.study.budget import parse_bytes
from charon.tuning.study.space import Choice, Whole

SIZE = MemorySize((3, 12, 5, 2), NUM_CLASSES, PARTS)


@pytest.mark.parametrize(
    ("text", "number"),
    [("72000", 72_000), ("500kB", 500_000), ("1.5MB", 1_500_000), ("2 GB", 2 * 10**9), ("9B", 9)],
)
def test_bytes_are_read_with_their_unit(text, number):
    assert parse_bytes(text) == number


@pytest.mark.parametrize("text", ["", "0", "-5kB", "1.5 MiB", "many", "nan", "inf"])
def test_what_is_no_number_of_bytes_is_an_error(text):
    with pytest.raises(ConfigError, match="number of bytes"):
        parse_bytes(text)


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
