"""Trials in Optuna's database over interruptions: told once, closed where lost, opened anew."""

import itertools

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher
from tuning.driven_search import START_FIELDS, begun, finish, report, search

from charon.tuning.execution.trainable import score
from charon.tuning.records.folder import ResultsError
from charon.tuning.sampling.database import DATABASE
from charon.tuning.sampling.optuna_trials import IS_START, RAY_TRIAL


def test_a_trial_that_failed_is_told_so(tmp_path):
    one = begun(tmp_path)
    one.suggest("a")
    one.on_trial_result("a", report(1, 90.0))
    one.on_trial_complete("a", error=True)
    assert one.study.trials[0].state == TrialState.FAIL


def test_a_failed_trial_that_goes_on_is_a_new_one_with_the_same_values(tmp_path):
    one = begun(tmp_path)
    one.suggest("a")
    one.on_trial_complete("a", error=True)
    one.on_trial_result("a", report(2, 80.0))
    one.on_trial_complete("a", report(6, 70.0))
    old, new = one.study.trials
    assert (old.state, new.state) == (TrialState.FAIL, TrialState.COMPLETE)
    assert old.params == new.params


def test_a_trial_that_failed_and_goes_on_keeps_its_scores_and_ends_once(tmp_path):
    one = begun(tmp_path)
    number = one.suggest("a")["trial"]["number"]
    one.on_trial_result("a", report(1, 90.0))
    one.on_trial_complete("a", error=True)
    # Ray passes the last report on with the completion alone.
    one.on_trial_complete("a", report(6, 70.0))
    one.on_trial_complete("a", report(6, 70.0))
    old, new = one.study.trials
    assert (old.state, new.state) == (TrialState.FAIL, TrialState.COMPLETE)
    assert new.intermediate_values == {1: score(1, 6, 90.0), 6: score(6, 6, 70.0)}
    assert new.user_attrs[IS_START]
    assert {some.number for some in one.trials.scores()} == {number}


def test_resuming_continues_known_trials_and_closes_lost_ones(tmp_path):
    one = begun(tmp_path)
    one.suggest("known")
    one.on_trial_result("known", report(1, 90.0))
    one.suggest("lost")
    one.on_trial_result("known", report(2, 80.0))
    again = begun(tmp_path, running=["known"])
    again.on_trial_result("known", report(2, 80.0))
    again.on_trial_complete("known", report(6, 70.0))
    by_name = {t.user_attrs[RAY_TRIAL]: t for t in again.study.trials if t.user_attrs}
    assert by_name["lost"].state == TrialState.FAIL
    assert by_name["known"].state == TrialState.COMPLETE


def test_a_trial_told_before_the_interruption_is_not_told_again(tmp_path):
    one = begun(tmp_path)
    one.suggest("a")
    finish(one, "a", [90.0] * 6)
    again = begun(tmp_path, running=["a"], ended=["a"])
    again.on_trial_result("a", report(6, 90.0))
    again.on_trial_complete("a", report(6, 90.0))
    done = [t for t in again.study.trials if t.state == TrialState.COMPLETE]
    assert len(done) == 1


def test_trials_that_began_and_ended_after_the_snapshot_count(tmp_path):
    one = begun(tmp_path, num_trials=4)
    one.suggest("known")
    for name in ("finished", "failed", "lost"):
        one.suggest(name)
    finish(one, "finished", [90.0] * 6)
    one.on_trial_complete("failed", error=True)
    for _ in range(2):  # killed twice before another snapshot
        again = begun(tmp_path, num_trials=4, running=["known"], ended=["finished", "failed"])
    assert again.suggest("more") != Searcher.FINISHED
    assert again.suggest("one too many") == Searcher.FINISHED


def test_a_trial_that_only_optuna_was_told_of_is_lost_and_made_up_for(tmp_path):
    one = begun(tmp_path, num_trials=2)
    for name in ("start", "ended"):
        one.suggest(name)
        finish(one, name, [90.0] * 6)
    # Killed before the journal had the end of the start, of which Ray has no snapshot either.
    again = begun(tmp_path, num_trials=2, ended=["ended"])
    assert again.suggest("start again")["trial"]["is_start"]
    assert again.suggest("one too many") == Searcher.FINISHED


def test_a_failed_trial_that_went_on_and_ended_after_the_snapshot_is_complete_once(tmp_path):
    one = begun(tmp_path)
    one.suggest("a")
    one.on_trial_complete("a", error=True)
    for _ in range(2):
        again = begun(tmp_path, running=["a"], ended=["a"])
        again.on_trial_result("a", report(2, 80.0))
        again.on_trial_complete("a", report(6, 70.0))
    assert [t.state for t in again.study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_trial_stopped_after_the_snapshot_stays_so(tmp_path):
    one = begun(tmp_path)
    one.suggest("a")
    finish(one, "a", [10.0, 10.0])
    again = begun(tmp_path, running=["a"], ended=["a"])
    assert [trial.is_stopped for trial in again.trials.scores()] == [True]
    again.on_trial_complete("a")  # as Ray ends a trial that it has not run again
    assert [t.state for t in again.study.trials] == [TrialState.PRUNED]


def test_a_crash_before_rays_first_snapshot_loses_neither_the_start_nor_its_place(tmp_path):
    begun(tmp_path).suggest("lost")
    again = begun(tmp_path)
    assert again.study.trials[0].state == TrialState.FAIL
    config = again.suggest("a")["trial"]
    assert config["is_start"]
    assert config["run"] == START_FIELDS
    assert not again.suggest("b")["trial"]["is_start"]


def test_a_database_that_is_gone_is_said_before_anything_goes_on(tmp_path):
    begun(tmp_path).suggest("a")
    search(tmp_path).trials.check_holds(["a"], tmp_path / DATABASE)
    (tmp_path / DATABASE).unlink()
    with pytest.raises(ResultsError, match=r"lacks 1 of the trials .* put that one back"):
        search(tmp_path).trials.check_holds(["a"], tmp_path / DATABASE)


@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_crash_while_a_suggestion_is_written_down_stops_no_search(tmp_path, monkeypatch, written):
    one = begun(tmp_path)
    one.suggest("whole")
    calls, set_user_attr = itertools.count(), optuna.Trial.set_user_attr

    def killed(trial, name, value):
        if next(calls) == written:
            raise KeyboardInterrupt
        set_user_attr(trial, name, value)

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Trial, "set_user_attr", killed)
        with pytest.raises(KeyboardInterrupt):
            one.suggest("half")
    again = begun(tmp_path, running=["whole"])
    assert again.trials.scores()[0].ray_trial == "whole"
    assert [t.state for t in again.study.trials] == [TrialState.RUNNING, TrialState.FAIL]
