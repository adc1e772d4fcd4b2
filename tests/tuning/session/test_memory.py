"""Sizes of memories, known before a trial runs."""

from types import SimpleNamespace

import pytest
from tiny_runs import NUM_CLASSES, PARTS, learn, tiny_run, write_set

from charon.config import Run
from charon.errors import ConfigError
from charon.learners import LEARNERS
from charon.tuning.session.memory import (
    check_memory,
    largest_memory,
    memory_size,
    memory_warnings,
    small_buffer,
    small_bytes,
)
from charon.tuning.study.fields import complete
from charon.tuning.study.space import Choice, Real, SamplingInterval, Whole, bound

DATA = SimpleNamespace(
    tasks=SimpleNamespace(clip_shape=(3, 12, 5, 2), num_classes=NUM_CLASSES),
    archive=SimpleNamespace(description=SimpleNamespace(parts=PARTS, bones=())),
)


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_the_bytes_of_a_memory_are_known_before_it_is_filled(learner, tmp_path):
    run = tiny_run(learner, optimiser__epochs=1)
    clips, num_bytes = memory_size(DATA, run.to_flat())
    stream, results = learn(run, write_set(tmp_path / "set"))
    measured = results[-1].metrics
    assert clips == (stream.learner.memory.capacity if stream.learner.memory is not None else 0)
    per_clip = num_bytes / clips if clips else 0
    assert measured["memory/bytes"] == per_clip * measured["memory/clips"]
    assert measured["memory/bytes"] <= num_bytes


def test_a_start_over_the_budget_is_an_error_with_both_numbers():
    check_memory(5, 3000, 100, 3000)
    with pytest.raises(ConfigError, match=r"memory of 3 kB .* give it at least 3000"):
        check_memory(5, 3000, 100, 2999)


def test_a_start_whose_memory_holds_all_clips_is_an_error():
    check_memory(99, 1, 100, None)
    with pytest.raises(ConfigError, match="nothing need be forgotten"):
        check_memory(100, 1, 100, None)


def test_an_interval_that_leaves_one_frame_of_a_clip_is_an_error():
    with pytest.raises(ConfigError, match="sampling_interval < 12"):
        memory_size(DATA, tiny_run("charon", learner__sampling_interval=12).to_flat())


SHAPE = (3, 120, 25, 2)
NTU = SimpleNamespace(
    tasks=SimpleNamespace(clip_shape=SHAPE, num_classes=60),
    archive=SimpleNamespace(description=SimpleNamespace(parts={}, bones=())),
)


def run(interval=5, size=500, frames=120, **others):
    return {
        "data.num_frames": frames,
        "learner.buffer_size": size,
        "learner.sampling_interval": interval,
        **{f"learner.{name}": value for name, value in others.items()},
    }


def of_bytes(num_bytes, learner="er", **others):
    """A run without logits, whose clips take 7,200 bytes and 10 beside them."""
    fields = run(5, None, buffer_bytes=num_bytes, storage="float16", **others)
    return {**fields, "learner": learner}


@pytest.mark.parametrize("interval", [1, 2, 5, 7, 60])
@pytest.mark.parametrize("storage", ["float32", "float16"])
@pytest.mark.parametrize("bodies", ["all", "present"])
def test_the_memory_of_a_small_study_holds_at_most_the_clips_allowed(interval, storage, bodies):
    stored = {"storage": storage, "bodies": bodies}
    size = small_buffer([run(interval, **stored)], SHAPE, 300)
    for more, fits in ((0, True), (1, False)):
        settings = Run.from_flat(run(interval, size + more, **stored)).learner
        clips = settings.budget(settings.make_codec(SHAPE), 2).most_clips
        assert (clips <= 300) == fits


def test_the_bytes_of_a_small_study_hold_at_most_the_clips_allowed():
    runs = [of_bytes(7_210_000), of_bytes(7_210_000, "derpp"), run(), {"learner": "finetune"}]
    factor = small_bytes(runs, NTU, 300)  # 1,000 clips, and fewer with their logits
    assert factor == 0.3
    assert memory_size(NTU, of_bytes(int(7_210_000 * factor)))[0] == 300
    assert small_bytes([of_bytes(72_100)], NTU, 300) == 1
    assert small_bytes([run()], NTU, 300) == 1


def test_the_frames_of_a_clip_are_those_of_the_run():
    assert small_buffer([run(5, frames=12)], SHAPE, 300) == 75  # 3 of 12 frames are stored


def test_one_memory_fits_all_trials_of_a_study():
    assert small_buffer([run(1), run(10)], SHAPE, 300) == 30


def test_runs_without_a_buffer_size_get_none():
    assert small_buffer([{"learner": "finetune"}, of_bytes(10**6)], SHAPE, 300) is None


def test_a_memory_that_could_hold_everything_is_warned_of_once():
    (warning,) = memory_warnings([run(5, 500), run(5, 500), run(5, 10)], NTU, 1000)
    assert "buffer_size=500" in warning
    assert "2500" in warning
    assert memory_warnings([run(1, 999)], NTU, 1000) == []
    assert "1998" in memory_warnings([run(1, 999, storage="float16")], NTU, 1000)[0]


def test_a_memory_of_bytes_that_could_hold_everything_is_warned_of():
    (warning,) = memory_warnings([of_bytes(7_210_000)], NTU, 1000)
    assert "learner.buffer_bytes=7210000 at sampling interval 5, float16 holds 1000" in warning
    assert "--set learner.buffer_bytes=N" in warning
    assert memory_warnings([of_bytes(7_209_999)], NTU, 1000) == []
    assert len(memory_warnings([of_bytes(5_000_000, bodies="present")], NTU, 1000)) == 1


def largest(space, **start):
    """Return the memory of the largest that a search can suggest, as its fields."""
    fields = complete({"learner": "er", **{f"learner.{n}": v for n, v in start.items()}})
    found = largest_memory(bound(space, fields), fields, NTU)
    names = ("buffer_size", "sampling_interval", "codec", "storage")
    return tuple(found[f"learner.{name}"] for name in names)


def test_the_largest_memory_of_a_search_is_at_the_ends_of_its_space():
    space = {
        "learner.buffer_size": Whole(100, 2000),
        "learner.sampling_interval": SamplingInterval(1, 10),
        "optimiser.learning_rate": Real(0.1, 1),
    }
    assert largest(space) == (2000, 10, "thinned", "float32")
    assert largest({"optimiser.learning_rate": Real(0.1, 1)}) == (500, 1, "thinned", "float32")


def test_the_largest_memory_has_the_storage_and_codec_of_the_space_that_hold_most():
    both = {"learner.storage": Choice(("int8", "float16", "float32"))}
    assert largest(both) == (500, 1, "thinned", "int8")
    assert largest({"learner.buffer_size": Whole(1, 9), **both}) == (9, 1, "thinned", "int8")
    codecs = {"learner.codec": Choice(("key_frames", "dct"))}
    assert largest(codecs, sampling_interval=5)[2] == "dct"
    # By this rule all hold as many clips, in other bytes.
    assert largest(both, capacity_rule="times_interval")[0] == 500
    size = {"buffer_bytes": 10**6}
    assert largest({"learner.buffer_bytes": Whole(10, 10**6), **both}, **size)[3] == "int8"


def test_a_warning_tells_how_clips_are_stored_and_follows_the_capacity_rule():
    fields = run(7, 100, storage="float16", capacity_rule="times_interval")
    (warning,) = memory_warnings([fields], NTU, 700)
    assert "at sampling interval 7, float16 holds 700 clips" in warning


def test_a_search_without_a_memory_has_none_to_warn_of():
    fields = complete({"learner": "finetune"})
    space = {"optimiser.learning_rate": Real(0.1, 1)}
    assert memory_warnings([largest_memory(space, fields, NTU)], NTU, 1) == []
