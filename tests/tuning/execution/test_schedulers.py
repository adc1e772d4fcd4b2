"""Which trial starts next; successive halving over tasks, which never stops a search's start."""

from types import SimpleNamespace

import numpy as np
import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler
from tuning.fakes import fake_trial

from charon.tuning.execution.schedulers import InOrder, TaskHalving
from charon.tuning.records.halving import Halving, stops
from charon.tuning.records.journal import Journal
from charon.tuning.study.objectives import score
from charon.tuning.study.selection_rules import grace_tasks

NUM_TASKS = 6
CONTINUE, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP


class Trials:
    """Trials of a search that report as Ray has them report: judged first, then recorded."""

    def __init__(self, folder, number, *, is_hyperband=False):
        self.journal = Journal(folder / "journal.jsonl")
        for place in range(number):
            self.journal.append(
                "trial", str(place), label="", fields={}, tags={}, number=place, sampler={}
            )
        self.halving = TaskHalving(self.journal, Halving("val/faa", NUM_TASKS, is_hyperband))

    def judge(self, number, task, faa):
        result = {"task": task, "num_tasks": NUM_TASKS, "metrics/val/faa": faa}
        return self.halving.on_trial_result(None, fake_trial(str(number), number), result)

    def report(self, number, task, faa):
        decision = self.judge(number, task, faa)
        self.journal.append(
            "report",
            str(number),
            task=task,
            num_tasks=NUM_TASKS,
            metrics={"val/faa": faa},
            matrix=[],
            seconds=1.0,
        )
        return decision


def test_no_trial_is_judged_before_forgetting_can_show():
    assert (grace_tasks(6), grace_tasks(12), grace_tasks(1)) == (2, 3, 1)
    rungs = [Halving("val/faa", tasks).rungs for tasks in (1, 2, 3, 6, 12)]
    assert rungs == [[], [], [2], [2, 4], [3, 6]]


def test_a_trial_stops_below_the_median_of_those_before_it():
    assert not stops(0.0, [])
    assert stops(0.4, [0.5])
    assert not stops(0.5, [0.5])
    assert not stops(0.5, [0.2, 0.8])
    assert stops(0.49, [0.2, 0.8])
    assert stops(0.4, [0.2, 0.5, 0.8])


def test_the_lower_half_of_a_rung_is_stopped(tmp_path):
    trials = Trials(tmp_path, 3)
    assert trials.report(1, 1, 90) == trials.report(2, 1, 10) == CONTINUE
    assert trials.report(1, 2, 90) == CONTINUE
    assert trials.report(2, 2, 10) == STOP


def test_the_start_is_never_stopped_but_counts_in_the_rung(tmp_path):
    trials = Trials(tmp_path, 3)
    trials.report(1, 2, 90)
    assert trials.report(0, 2, 50) == CONTINUE
    assert trials.report(2, 2, 60) == STOP
    assert trials.judge(2, 2, 75) == CONTINUE


def test_after_an_interruption_the_rungs_are_as_they_were(tmp_path):
    Trials(tmp_path, 3).report(1, 2, 90)
    again = Trials(tmp_path, 3)
    assert again.report(2, 2, 10) == STOP


@pytest.mark.parametrize("first", [10, 90])
def test_a_trial_that_reports_again_is_judged_as_it_was(tmp_path, first):
    """Whoever interrupted it, before or after it was stopped; others have reported meanwhile."""
    trials = Trials(tmp_path, 5)
    reports = [(1, 60), (2, first), (3, 40), (4, 70)]
    before = {number: trials.report(number, 2, faa) for number, faa in reports}
    again = Trials(tmp_path, 5)
    assert {number: again.judge(number, 2, faa) for number, faa in reports} == before


def test_it_decides_as_rays_own_does(tmp_path):
    """Ray's holds the scores of a rung too; only the start, which it may stop, is left out."""
    rng = np.random.default_rng(0)
    trials = Trials(tmp_path, 21)
    rays = AsyncHyperBandScheduler(
        time_attr="task", metric="score", mode="max", max_t=6, grace_period=2, reduction_factor=2
    )
    running = [fake_trial(str(number), number) for number in range(1, 21)]
    for trial in running:
        rays.on_trial_add(None, trial)
    for task in range(1, NUM_TASKS):
        for number in rng.permutation([trial.config["trial"]["number"] for trial in running]):
            trial = next(one for one in running if one.config["trial"]["number"] == number)
            faa = float(rng.uniform(20, 90))
            result = {"task": task, "score": score(task, NUM_TASKS, faa)}
            decision = rays.on_trial_result(None, trial, result)
            assert trials.report(number, task, faa) == decision
            if decision == STOP:
                running.remove(trial)
    assert 1 <= len(running) < 20


def test_a_joint_stream_which_reports_once_is_not_judged(tmp_path):
    trials = Trials(tmp_path, 3)
    trials.report(1, NUM_TASKS, 90)
    assert trials.report(2, NUM_TASKS, 10) == CONTINUE


def test_hyperband_has_a_bracket_for_every_rung_and_one_that_never_stops():
    found = [Halving("val/faa", n, is_hyperband=True) for n in (1, 2, 3, 6, 12)]
    assert [halving.num_brackets for halving in found] == [1, 1, 2, 3, 3]


def test_the_trials_take_turns_in_the_brackets(tmp_path):
    trials = Trials(tmp_path, 7, is_hyperband=True)
    running = [1, 2, 3, 4, 5, 6]
    # The later of a bracket's two is worse; the first bracket judges after task 2, the next
    # after task 4, and the last never.
    for task, expected in [(2, [6]), (4, [4]), (5, [])]:
        decisions = {number: trials.report(number, task, 90 - 10 * number) for number in running}
        assert [n for n, decision in decisions.items() if decision == STOP] == expected
        running = [n for n in running if n not in expected]


def test_a_bracket_compares_its_own_trials_alone(tmp_path):
    trials = Trials(tmp_path, 7, is_hyperband=True)
    for task in (2, 4):
        trials.report(3, task, 95)
    assert trials.report(6, 2, 10) == STOP
    assert trials.report(4, 4, 10) == CONTINUE
    assert trials.report(5, 4, 10) == CONTINUE


def test_of_the_trials_that_wait_the_first_of_the_study_starts():
    trials = [fake_trial(f"study_{place:05d}") for place in (3, 1, 4, 0, 2)]

    def chosen(*statuses):
        for trial, status in zip(sorted(trials, key=name_of), statuses, strict=True):
            trial.status = status
        controller = SimpleNamespace(get_live_trials=lambda: trials)
        trial = InOrder().choose_trial_to_run(controller)
        return trial and name_of(trial)

    def name_of(trial):
        return trial.config["trial"]["id"]

    over, waits, paused = [Trial.RUNNING], [Trial.PENDING], [Trial.PAUSED]
    assert chosen(*over * 2, *waits * 3) == "study_00002"
    assert chosen(*paused, *over, *waits * 3) == "study_00002"
    assert chosen(*over * 4, *paused) == "study_00004"
    assert chosen(*over * 5) is None
