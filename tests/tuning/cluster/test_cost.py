"""Time and memory of a trial, measured on a few steps."""

import pytest
from tiny_runs import tiny_run
from tuning.study_runs import write_clips

from charon.data.prepare import prepare
from charon.tuning.cluster.cost import costs_of, slowest_and_fastest, with_networks
from charon.tuning.study.space import Choice, Real, Whole
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


def test_another_network_is_another_cost():
    runs = [
        {**fields(), "model.backbone": backbone, "model.encoder": encoder}
        for backbone, encoder in (("sttformer", None), ("sttformer", "32-64"), ("stgcn", None))
    ]
    assert [*slowest_and_fastest(planned(runs)).values()] == [[run] for run in runs]


def test_a_search_over_networks_costs_as_much_as_those_at_the_ends_of_its_space():
    start = {**fields(), "model.encoder": "32-64", "model.heads": 3}
    space = {
        "model.encoder": Choice(("32-64", "64-128")),
        "model.heads": Whole(1, 3),
        "learner.alpha": Real(0.1, 1.0),
    }
    possible = [trial.fields for trial in with_networks(planned([start]), space)]
    assert possible == [start, {**start, "model.encoder": "64-128"}, {**start, "model.heads": 1}]
    assert [t.fields for t in with_networks(planned([start, fields()]), {})] == [start, fields()]


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


@pytest.fixture
def clips(tmp_path):
    path = write_clips(tmp_path / "tiny.npz")
    shared = {"data__path": str(path), "data__class_order": "natural", "device": "cpu"}
    return prepare(str(path), tmp_path), shared


def test_more_epochs_cost_more_seconds_and_no_more_memory(clips):
    archive, shared = clips
    runs = [tiny_run(**shared, optimiser__epochs=epochs).to_flat() for epochs in (1, 1000)]
    few, many = costs_of(runs, archive, 1.0)
    assert 0 < few.seconds < many.seconds
    assert few.bytes > 0
    assert few.gpu_bytes == 0
    assert few.basis == "whole steps"


def test_a_larger_buffer_costs_memory_and_where_it_is_learned_as_a_task_time(clips):
    archive, shared = clips
    for learner, takes_longer in (("er", False), ("icarl", True)):
        runs = [tiny_run(learner, **shared, learner__buffer_size=size) for size in (6, 600)]
        small, large = costs_of([run.to_flat() for run in runs], archive, 1.0)
        assert small.bytes < large.bytes
        assert (small.seconds < large.seconds) == takes_longer
