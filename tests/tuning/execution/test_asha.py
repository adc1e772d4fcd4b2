"""Successive halving over tasks: the lower half of a rung stops, the starting point never."""

from types import SimpleNamespace

from ray.tune.schedulers import TrialScheduler

from charon.tuning.execution.asha import TaskHalving, num_brackets
from charon.tuning.execution.trainable import score
from charon.tuning.sampling.optuna_trials import ScoresOfTrial
from charon.tuning.study.selection_rules import grace_tasks


def trial(name, number=0, *, is_start=False):
    config = {"trial": {"is_start": is_start, "number": number}}
    return SimpleNamespace(trial_id=name, config=config)


def decide(halving, one, task, faa):
    result = {
        "training_iteration": task,
        "task": task,
        "num_tasks": 6,
        "score": score(task, 6, faa),
    }
    return halving.on_trial_result(None, one, result)


def halving(scores=(), *names, start=""):
    one = TaskHalving(6, scores)
    trials = {name: trial(name, is_start=name == start) for name in names}
    for some in trials.values():
        one.on_trial_add(None, some)
    return one, trials


def test_no_trial_is_judged_before_forgetting_can_show():
    assert (grace_tasks(6), grace_tasks(12), grace_tasks(1)) == (2, 3, 1)
    one, trials = halving((), "good", "bad")
    assert decide(one, trials["good"], 1, 90) == TrialScheduler.CONTINUE
    assert decide(one, trials["bad"], 1, 10) == TrialScheduler.CONTINUE


def test_the_lower_half_of_a_rung_is_stopped():
    one, trials = halving((), "good", "bad")
    assert decide(one, trials["good"], 2, 90) == TrialScheduler.CONTINUE
    assert decide(one, trials["bad"], 2, 10) == TrialScheduler.STOP


def test_the_starting_point_is_never_stopped_but_counts_in_the_rung():
    one, trials = halving((), "good", "start", "bad", start="start")
    decide(one, trials["good"], 2, 90)
    assert decide(one, trials["start"], 2, 50) == TrialScheduler.CONTINUE
    assert decide(one, trials["bad"], 2, 10) == TrialScheduler.STOP


def test_after_an_interruption_the_rungs_are_as_they_were():
    before = [ScoresOfTrial("good", 0, {1: score(1, 6, 95), 2: score(2, 6, 90)})]
    one, trials = halving(before, "bad", "better")
    assert decide(one, trials["bad"], 2, 10) == TrialScheduler.STOP
    assert decide(one, trials["better"], 2, 95) == TrialScheduler.CONTINUE


def test_a_trial_that_was_stopped_is_not_run_again_by_an_older_snapshot():
    before = [
        ScoresOfTrial("bad", 1, {2: score(2, 6, 10)}, is_stopped=True),
        ScoresOfTrial("good", 0, {2: score(2, 6, 90)}),
    ]
    trials = [SimpleNamespace(trial_id=name, status="PENDING") for name in ("bad", "good")]
    ray = SimpleNamespace(
        get_trials=lambda: trials, stop_trial=lambda one: setattr(one, "status", "TERMINATED")
    )
    assert TaskHalving(6, before).choose_trial_to_run(ray).trial_id == "good"
    assert [one.status for one in trials] == ["TERMINATED", "PENDING"]


def test_an_end_score_does_not_enter_a_lower_rung():
    one, trials = halving((), "done", "next")
    result = {"training_iteration": 6, "task": 6, "num_tasks": 6, "score": 1.0}
    one.on_trial_complete(None, trials["done"], result)
    assert decide(one, trials["next"], 2, 10) == TrialScheduler.CONTINUE


def hyperband(scores=()):
    """Return Hyperband over six tasks with two trials in each of its three brackets."""
    one = TaskHalving(6, scores, num_brackets(6))
    trials = [trial(str(number), number) for number in range(6)]
    for some in trials:
        one.on_trial_add(None, some)
    return one, trials


def test_hyperband_has_a_bracket_for_every_rung_and_one_that_never_stops():
    assert [num_brackets(tasks) for tasks in (1, 2, 3, 6, 12)] == [1, 1, 2, 3, 3]


def test_the_trials_take_turns_in_the_brackets():
    one, trials = hyperband()
    running = dict(enumerate(trials))
    # The later of a bracket's two is worse; the first bracket judges after task 2, the next
    # after task 4, and the last never.
    for task, expected in [(2, [3]), (4, [4]), (5, [])]:
        decisions = {n: decide(one, some, task, 90 - 10 * n) for n, some in running.items()}
        stopped = [n for n, decision in decisions.items() if decision == TrialScheduler.STOP]
        assert stopped == expected
        running = {n: some for n, some in running.items() if n not in stopped}


def test_a_bracket_is_refilled_with_its_own_trials_alone():
    good = {2: score(2, 6, 95), 4: score(4, 6, 95)}
    one, trials = hyperband([ScoresOfTrial("before", 3, good)])
    assert decide(one, trials[0], 2, 10) == TrialScheduler.STOP
    assert decide(one, trials[1], 4, 10) == TrialScheduler.CONTINUE
    assert decide(one, trials[2], 4, 10) == TrialScheduler.CONTINUE
