"""Graphs of steps: when they are recorded and dropped, and that nothing else changes.

A graph is played here by the call that it would repeat, on the same tensors.
"""

import copy
import pickle
from dataclasses import dataclass, field

import pytest
import torch
from learners.objectives import fill
from tiny_runs import (
    assert_same,
    random_clips,
    tiny_learner,
    tiny_run,
    untimed,
    without_clock,
)

from charon.learners import step_graph
from charon.learners.step_graph import StepGraphs, map_tensors
from charon.training.stream import Stream


@dataclass
class Played:
    """Notes what it is asked, and calls."""

    asked: list = field(default_factory=list)

    def run(self, call):
        self.asked.append("run")
        return call()

    def record(self, call):
        self.asked.append("record")

        def repeat():
            self.asked.append("repeat")
            return call()

        return repeat


def played():
    """Graphs, and a list with the notes of every recorder that they make."""
    recorders = []

    def make():
        recorders.append(Played())
        return recorders[-1]

    return StepGraphs(make), recorders


def double(x):
    return {"doubled": 2 * x}


def test_a_layout_is_recorded_at_its_second_time_and_repeated_from_then_on():
    graphs, (recorder,) = played()
    for value in (1.0, 2.0, 3.0):
        assert graphs(double, (torch.full((4,), value),))["doubled"].tolist() == [2 * value] * 4
    assert recorder.asked == ["run", "record", "repeat", "repeat"]
    assert len(graphs) == 1


@pytest.mark.parametrize(
    "other",
    [torch.ones(2, 3), torch.ones(4), torch.ones(2, 2).double(), torch.ones(2, 2).t()],
    ids=["size", "shape", "type", "order in memory"],
)
def test_every_layout_has_its_own_graph(other):
    graphs, _ = played()
    for x in (torch.ones(2, 2), other, torch.ones(2, 2), other):
        graphs(double, (x,))
    assert len(graphs) == 2


def test_what_is_no_tensor_is_part_of_the_layout():
    graphs, _ = played()

    def step(parts, x):
        return {"parts": torch.stack([part.sum() for part in x.split(list(parts))])}

    for parts in ((1, 3), (3, 1), (1, 3), (3, 1)):
        expected = [float(part) for part in parts]
        assert graphs(step, (parts, torch.ones(4)))["parts"].tolist() == expected
    assert len(graphs) == 2


def test_two_steps_that_are_given_the_same_have_two_graphs():
    def halve(x):
        return {"halved": x / 2}

    graphs, _ = played()
    for _ in range(3):
        assert graphs(double, (torch.ones(1),))["doubled"].item() == 2
        assert graphs(halve, (torch.ones(1),))["halved"].item() == 0.5


def test_a_step_reads_what_it_is_given_in_the_same_place_every_time():
    graphs, _ = played()
    places = set()

    def step(x, y):
        places.add((x.data_ptr(), y.data_ptr()))
        return {"difference": x - y}

    for value in range(4):
        x, y = torch.full((2,), float(value)), torch.ones(2)
        assert graphs(step, (x, y))["difference"].tolist() == [value - 1] * 2
        assert x.tolist() == [value] * 2
    assert len(places) == 1


def test_when_there_are_enough_graphs_other_layouts_go_without(monkeypatch):
    monkeypatch.setattr(step_graph, "MOST_GRAPHS", 2)
    graphs, (recorder,) = played()
    for _ in range(3):
        for size in (1, 2, 3):
            assert len(graphs(double, (torch.ones(size),))["doubled"]) == size
    assert len(graphs) == 2
    assert recorder.asked.count("run") == 2 + 3


def test_dropped_graphs_begin_anew_with_another_recorder():
    graphs, recorders = played()
    for _ in range(2):
        graphs(double, (torch.ones(1),))
    graphs.drop()
    assert len(graphs) == 0
    graphs(double, (torch.ones(1),))
    assert recorders[1].asked == ["run"]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_has_no_graphs(copied):
    graphs = StepGraphs(Played)
    for _ in range(2):
        graphs(double, (torch.ones(1),))
    assert len(copied(graphs)) == 0
    assert len(graphs) == 1


def test_tensors_are_changed_in_order_wherever_they_are():
    @dataclass(frozen=True)
    class Pair:
        first: torch.Tensor
        name: str

    given = (torch.tensor(1), (Pair(torch.tensor(2), "two"), None), 7)
    seen = []
    changed = map_tensors(lambda x: seen.append(x.item()) or -x, given)
    assert changed == (torch.tensor(-1), (Pair(torch.tensor(-2), "two"), None), 7)
    assert seen == [1, 2]


CASES = [
    {},
    {"learner__buffer_size": 10, "learner__probing_epochs": 2},
    {"learner__gamma": 0},
    {"learner__masking": "deterministic", "learner__masking_position": "pre"},
    {"preset": "released", "learner__buffer_size": 10},
    {"learner": "finetune"},
    {"learner": "er", "learner__buffer_size": 10},
    {"learner": "derpp", "learner__buffer_size": 10},
]


@pytest.mark.parametrize("changes", CASES)
def test_a_run_with_graphs_is_the_run_without(changes, two_bodies):
    """Over three tasks: first bodies alone and second ones, the memory empty and filled."""
    streams = [Stream(tiny_run(**changes), two_bodies) for _ in range(2)]
    streams[1].learner.graphs, (recorder,) = played()
    for stream in streams:
        stream.learner.forwards_at_once = True  # as on a GPU
    one, other = ([untimed(result.metrics) for result in stream] for stream in streams)
    assert one == other
    assert_same(*(without_clock(stream.state_dict()) for stream in streams))
    assert set(recorder.asked) == {"run", "record", "repeat"}


def test_a_step_leaves_what_is_random_to_the_host():
    """Between what is drawn and what is returned, no generator moves, nor does the memory."""
    learner = fill(tiny_learner(tiny_run(learner__buffer_size=10)), with_logits=True)
    before, after = [], []

    class Watching(Played):
        def run(self, call):
            before.append(copy.deepcopy(drawn(learner)))
            results = call()
            after.append(copy.deepcopy(drawn(learner)))
            return results

    learner.graphs = StepGraphs(Watching)
    learner.train_step(random_clips(3))
    learner.probe_step(random_clips(3))
    assert len(before) == 2
    assert_same(before, after)


def drawn(learner):
    state = learner.state_dict()
    return {name: state[name] for name in ("generators", "memory")}


def test_a_loaded_learner_drops_its_graphs_and_goes_on_as_the_one_that_was_saved():
    learners = [fill(tiny_learner(tiny_run()), with_logits=True) for _ in range(2)]
    for learner in learners:
        learner.graphs = StepGraphs(Played)
        for seed in range(4):
            learner.train_step(random_clips(3, seed=seed))
    saved, loaded = learners
    saved.train_step(random_clips(3, seed=9))
    loaded.load_state_dict(saved.state_dict())
    assert len(saved.graphs) > 0
    assert len(loaded.graphs) == 0
    for seed in range(10, 14):
        batch = random_clips(3, seed=seed)
        assert_same(saved.train_step(batch), loaded.train_step(batch))
    assert_same(saved.state_dict(), loaded.state_dict())


def test_a_learner_on_the_cpu_has_no_graphs():
    assert tiny_learner(tiny_run()).graphs is None
