"""Successive halving over tasks: the lower half of a rung stops, the starting point never."""

from types import SimpleNamespace

from ray.tune.schedulers import TrialScheduler

from charon.tuning.pruning import TaskHalving, grace_tasks
from charon.tuning.trainable import score


def trial(name, *, is_start=False):
    return SimpleNamespace(trial_id=name, config={"trial": {"is_start": is_start}})


def decide(halving, one, task, faa):
    result = {
        "training_iteration": task,
        "task": task,
        "num_tasks": 6,
        "score": score(task, 6, faa),
    }
    return halving.on_trial_result(None, one, result)


def halving(scores=None, *names, start=""):
    one = TaskHalving(6, scores or {})
    trials = {name: trial(name, is_start=name == start) for name in names}
    for some in trials.values():
        one.on_trial_add(None, some)
    return one, trials


def test_no_trial_is_judged_before_forgetting_can_show():
    assert (grace_tasks(6), grace_tasks(12), grace_tasks(1)) == (2, 3, 1)
    one, trials = halving(None, "good", "bad")
    assert decide(one, trials["good"], 1, 90) == TrialScheduler.CONTINUE
    assert decide(one, trials["bad"], 1, 10) == TrialScheduler.CONTINUE


def test_the_lower_half_of_a_rung_is_stopped():
    one, trials = halving(None, "good", "bad")
    assert decide(one, trials["good"], 2, 90) == TrialScheduler.CONTINUE
    assert decide(one, trials["bad"], 2, 10) == TrialScheduler.STOP


def test_the_starting_point_is_never_stopped_but_counts_in_the_rung():
    one, trials = halving(None, "good", "start", "bad", start="start")
    decide(one, trials["good"], 2, 90)
    assert decide(one, trials["start"], 2, 50) == TrialScheduler.CONTINUE
    assert decide(one, trials["bad"], 2, 10) == TrialScheduler.STOP


def test_after_an_interruption_the_rungs_are_as_they_were():
    before = {"good": {1: score(1, 6, 95), 2: score(2, 6, 90)}}
    one, trials = halving(before, "bad", "better")
    assert decide(one, trials["bad"], 2, 10) == TrialScheduler.STOP
    assert decide(one, trials["better"], 2, 95) == TrialScheduler.CONTINUE


def test_an_end_score_does_not_enter_a_lower_rung():
    one, trials = halving(None, "done", "next")
    result = {"training_iteration": 6, "task": 6, "num_tasks": 6, "score": 1.0}
    one.on_trial_complete(None, trials["done"], result)
    assert decide(one, trials["next"], 2, 10) == TrialScheduler.CONTINUE
