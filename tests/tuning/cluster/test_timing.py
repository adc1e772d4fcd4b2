"""Steps and evaluations of a run, timed on a few of them or on parts of them."""

import pytest
from tiny_runs import random_clips, tiny_run, write_set

from charon.learners import LEARNERS
from charon.learners.base import Phase
from charon.training.stream import Stream
from charon.tuning.cluster.timing import (
    STEPS,
    Part,
    PartOfStep,
    phase_times,
    time_steps,
    timing_of,
)


def test_phases_are_timed_while_a_generator_makes_them(tmp_path):
    """As ElSe-Net's does, which explores before its second task and decides in between."""
    stream = Stream(tiny_run("elsenet"), write_set(tmp_path / "set"))
    first, second = (phase_times(stream, task)[0] for task in stream.tasks.tasks[:2])
    assert [step.phase for step in first] == ["train"]
    assert list(dict.fromkeys(step.phase for step in second)) == ["search", "count", "train"]
    assert all(step.seconds > 0 for step in [*first, *second])


def test_a_small_step_warms_up_before_whole_ones():
    sizes = []
    phase = Phase("train", 1, lambda batch: sizes.append(len(batch)) or {})
    assert time_steps(phase, [random_clips(3)] * 5) >= 0
    assert sizes == [2] + [3] * STEPS


@pytest.mark.parametrize("learner", sorted(LEARNERS))
@pytest.mark.parametrize("stream", ["split", "joint"])
def test_every_method_can_be_timed_by_parts_of_its_steps(tmp_path, learner, stream):
    run = tiny_run(learner, data__stream=stream)
    timing = timing_of(run, write_set(tmp_path / "set"), heavy=0.0)
    assert timing.basis == "steps of 1/3 of the clips and 1/2 of the frames"
    assert all(step.seconds > 0 for step in [*timing.first, *timing.later])
    assert timing.kept_bytes > 0
    whole = timing_of(run, write_set(tmp_path / "same"), heavy=float("inf"))
    assert whole.basis == "whole steps"
    for part, step in zip(timing.later, whole.later, strict=True):
        assert (part.phase, part.epochs) == (step.phase, step.epochs)
    adds = learner in ("icarl", "lucir") and stream != "joint"
    assert timing.adds_memory == whole.adds_memory == adds


def test_a_part_has_the_smallest_batch_of_one_clip_and_half_the_frames():
    run = tiny_run("xder", optimiser__batch_size=3, learner__replay_batch_size=6)
    part = Part.of(run)
    assert (part.batch, part.frames) == (3, 2)
    sizes = part.run.optimiser.batch_size, part.run.learner.replay_batch_size
    assert sizes == (1, 2)
    assert part.run.learner.contrastive_batch_size == 64 // 3
    assert part.run.data.num_frames == 6


def test_an_odd_number_of_tuples_is_not_halved():
    part = Part.of(tiny_run(data__num_frames=9))
    assert (part.frames, part.run.data.num_frames) == (1, 9)


def test_what_a_step_keeps_grows_with_its_clips(tmp_path):
    """Only then may it be scaled up; weights, which it also keeps, do not grow."""
    learner = Stream(tiny_run("finetune"), write_set(tmp_path / "set")).learner
    learner.begin_task(range(2))
    kept = []
    for num_clips in (2, 4, 6):
        step = PartOfStep()
        clips = random_clips(num_clips, num_bodies=2, labels=[0, 1] * (num_clips // 2))
        step(Phase("train", 1, learner.train_step), [clips])
        kept.append(step.kept_bytes)
    assert kept[2] - kept[1] == pytest.approx(kept[1] - kept[0], rel=0.02)
    assert kept[0] == pytest.approx(kept[1] / 2, rel=0.1)


def test_whole_steps_are_timed_for_as_long_as_is_asked():
    steps = []
    phase = Phase("train", 1, lambda batch: steps.append(batch) or {})
    assert time_steps(phase, [random_clips(2)], at_least=1e-3) > 0
    assert len(steps) > STEPS


def test_steps_of_the_papers_network_are_timed_by_parts_those_of_a_small_one_are_not(tmp_path):
    archive = write_set(tmp_path / "set")
    paper = {"model__size": "tiny", "data__num_frames": 120, "model__frames_per_tuple": 6}
    assert timing_of(tiny_run("finetune", **paper), archive).basis != "whole steps"
    assert timing_of(tiny_run("finetune"), archive).basis == "whole steps"
