"""Controls of resuming: whatever is dropped from a checkpoint, the comparison notices.

Who finds a part here that nothing notices either saves it in vain or compares too little.
"""

import copy

import pytest
import torch
from tiny_runs import Checkpointed, assert_same, tiny_run

AVERAGE = {"optimiser.averaged_steps", "optimiser.average"}
LOGITS, DRAWS = "memory.stored.3", "memory.generator"
PLAIN = {"optimiser.rule", *AVERAGE}

RUNS = {
    "charon": (
        {
            "optimiser__momentum": 0.9,
            "optimiser__average_decay": 0.5,
            "data__evaluate_every": 2,
            "seed": 3,
        },
        {"means"},
    ),
    "er": (
        {
            "optimiser__rule": "adamw",
            "learner__selection": "balanced",
            "learner__classifier": "nearest_mean",
            "data__returning": 0.5,
        },
        {LOGITS, *AVERAGE},
    ),
    "xder": ({}, {"means", *PLAIN}),
    "icarl": ({}, {LOGITS, DRAWS, *PLAIN}),
    "lucir": ({}, {LOGITS, DRAWS, *PLAIN}),
    "elsenet": ({}, {"means", LOGITS, *AVERAGE}),
}
"""By learner: fields of a run, and parts of the learner that are as new in it."""

WHOLE = ("network", "rule", "average", "num_seen", "full")
"""Parts that are dropped as one."""


def parts(state, at=()):
    """Yield the way to each part of a state: its leaves, but for what is one."""
    places = state.items() if isinstance(state, dict) else enumerate(state)
    for name, value in places:
        way = (*at, name)
        if isinstance(value, dict | list) and value and name not in WHOLE:
            yield from parts(value, way)
        else:
            yield way


def part_of(state, way):
    for name in way:
        state = state[name]
    return state


def without(calm, way):
    """Return the checkpoint without a part: it is as in a stream that was just made.

    What a memory stores becomes zeros. None if the part is as new anyway.
    """
    state = copy.deepcopy(calm.state)
    saved = part_of(state, way)
    new = torch.zeros_like(saved) if "stored" in way else part_of(calm.fresh, way)
    if type(new) is type(saved) and is_same(new, saved):
        return None
    part_of(state, way[:-1])[way[-1]] = new
    return state


def is_same(one, other):
    try:
        assert_same(one, other)
    except AssertionError:
        return False
    return True


def is_noticed(calm, state):
    """Whether the comparison differs, or the state is refused."""
    try:
        calm.check(state)
    except Exception:  # an assertion, or what loading or learning raises
        return True
    return False


@pytest.mark.parametrize("name", RUNS)
def test_whatever_is_dropped_from_a_checkpoint_is_noticed(name, two_bodies, tmp_path):
    fields, expected = RUNS[name]
    run = tiny_run(name, optimiser__epochs=1, **fields)
    first_tasks = None
    if name == "charon":  # whose first task another run has learned
        first_tasks = tmp_path / "first"
        Checkpointed(run, two_bodies, tmp_path / "other", first_tasks=first_tasks)
    calm = Checkpointed(run, two_bodies, tmp_path / "checkpoint", 2, first_tasks)
    calm.check(calm.state)
    # The stream's own parts are the same whatever the learner.
    ways = [way for way in parts(calm.state) if name == "charon" or way[0] == "learner"]
    changed = {".".join(map(str, way)).removeprefix("learner."): without(calm, way) for way in ways}
    new = {part for part, state in changed.items() if state is None}
    assert new == expected
    unnoticed = {part for part in changed.keys() - new if not is_noticed(calm, changed[part])}
    assert unnoticed == set()
