"""Time and memory of a trial, measured on a few steps."""

import pytest
from tiny_runs import tiny_run, write_set
from tuning.study_runs import write_clips

from charon.data.prepare import prepare
from charon.training.stream import Stream
from charon.tuning.cluster.cost import cost_of, phase_costs, slowest_and_fastest
from charon.tuning.study.trials import PlannedTrial


def fields(learner="charon", ratio=0.3, size=500):
    run = {"learner": learner, "data.stream": "incremental", "learner.buffer_size": size}
    return {**run, "learner.masking_ratio": ratio}


def planned(runs):
    return [PlannedTrial("label", run) for run in runs]


def test_trials_are_grouped_by_learner_and_stream():
    runs = [fields("charon"), fields("er"), fields("charon", ratio=0.5)]
    assert slowest_and_fastest(planned(runs)) == {
        ("charon", "incremental"): [runs[0], runs[2]],
        ("er", "incremental"): [runs[1]],
    }


@pytest.mark.parametrize(
    ("runs", "ends"),
    [
        ([fields(ratio=0.5), fields(ratio=0.0), fields(ratio=0.3)], [1, 0]),
        ([fields(size=100), fields(size=500)], [1, 0]),
        ([fields(), fields()], [0]),
    ],
)
def test_the_slowest_run_masks_least_or_remembers_most(runs, ends):
    (found,) = slowest_and_fastest(planned(runs)).values()
    assert found == [runs[index] for index in ends]


def test_more_epochs_cost_more_seconds_and_no_more_memory(tmp_path):
    path = write_clips(tmp_path / "tiny.npz")
    archive = prepare(str(path), tmp_path)
    run = {"data__path": str(path), "data__class_order": "natural", "device": "cpu"}
    seconds = []
    for epochs in (1, 1000):
        cost = cost_of(tiny_run(**run, optimiser__epochs=epochs).to_flat(), archive, 1.0)
        seconds.append(cost.seconds)
        assert cost.bytes > 0
        assert cost.gpu_bytes == 0
    assert 0 < seconds[0] < seconds[1]


def test_phases_are_timed_while_a_generator_makes_them(tmp_path):
    """As ElSe-Net's does, which explores before its second task and decides in between."""
    stream = Stream(tiny_run("elsenet"), write_set(tmp_path / "set"))
    first, second = (phase_costs(stream, task)[0] for task in stream.tasks.tasks[:2])
    assert [phase.name for phase, _ in first] == ["train"]
    assert list(dict.fromkeys(phase.name for phase, _ in second)) == ["search", "count", "train"]
    assert all(seconds > 0 for _, seconds in [*first, *second])
