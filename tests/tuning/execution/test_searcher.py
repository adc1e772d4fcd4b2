"""A search as Ray sees it: what was stopped never wins, and it ends when it should."""

import pytest
from optuna.samplers._tpe.sampler import _split_trials
from optuna.trial import TrialState
from ray.tune.search import Searcher
from tuning.driven_search import SETTING, START_FIELDS, begun, finish, report, search

from charon.tuning.execution.searcher import LongerSearch
from charon.tuning.execution.trainable import score
from charon.tuning.records.completion import TIME_UP
from charon.tuning.sampling.optuna_trials import RAY_TRIAL
from charon.tuning.study.trials import complete


def test_more_tasks_always_score_higher_and_within_a_task_accuracy_decides():
    assert score(4, 6, 100.0) <= score(5, 6, 0.0)
    assert score(4, 6, 95.0) < score(6, 6, 50.0)
    assert score(4, 6, 50.0) < score(4, 6, 60.0)
    assert score(6, 6, 100.0) == 1.0


def test_the_first_trial_is_the_papers_setting(tmp_path):
    fields = begun(tmp_path).suggest("a")["trial"]["run"]
    assert fields == complete({"learner": "charon"})


def test_a_trial_is_told_where_things_are_now_not_where_they_were(tmp_path):
    assert begun(tmp_path).suggest("a")["trial"]["setting"] == SETTING


def test_a_stopped_trial_with_95_percent_loses_to_one_that_finished_with_50(tmp_path):
    one = begun(tmp_path)
    one.suggest("stopped")
    one.suggest("finished")
    finish(one, "stopped", [99.0, 98.0, 96.0, 95.0])
    finish(one, "finished", [90.0, 80.0, 70.0, 60.0, 55.0, 50.0])
    states = {t.user_attrs[RAY_TRIAL]: t.state for t in one.study.trials}
    assert states == {"stopped": TrialState.PRUNED, "finished": TrialState.COMPLETE}
    assert one.study.best_trial.user_attrs[RAY_TRIAL] == "finished"


def test_the_sampler_ranks_every_stopped_trial_below_every_finished_one(tmp_path):
    one = begun(tmp_path)
    names = ("stopped early", "stopped late", "finished")
    for name in names:
        one.suggest(name)
    for name, faas in zip(names, ([99.0, 98.0], [99.0, 98.0, 96.0, 95.0], [50.0] * 6), strict=True):
        finish(one, name, faas)
    # TPE models the best few of all trials; which these are is its own to say.
    best = [_split_trials(one.study, one.study.trials, number)[0] for number in (1, 2, 3)]
    expected = [{"finished"}, {"finished", "stopped late"}, set(names)]
    assert [{trial.user_attrs[RAY_TRIAL] for trial in some} for some in best] == expected


def test_the_report_at_which_a_trial_is_stopped_is_not_lost(tmp_path):
    one = begun(tmp_path)
    one.suggest("a")
    finish(one, "a", [90.0, 80.0])
    assert sorted(one.study.trials[0].intermediate_values) == [1, 2]


def test_a_search_ends_after_its_trials_and_goes_on_when_it_may_have_more(tmp_path):
    one = begun(tmp_path, num_trials=1)
    one.suggest("a")
    assert one.suggest("b") == Searcher.FINISHED
    finish(one, "a", [90.0] * 6)
    longer = begun(tmp_path, num_trials=2, ended=["a"])
    config = longer.suggest("b")["trial"]
    assert not config["is_start"]
    assert config["run"] != START_FIELDS
    assert longer.suggest("c") == Searcher.FINISHED
    assert [t.state for t in longer.study.trials] == [TrialState.COMPLETE, TrialState.RUNNING]


def test_a_restored_search_draws_what_it_would_have_drawn(tmp_path):
    one = begun(tmp_path, sampler="random")
    for name in ("start", "drawn"):
        one.suggest(name)
    one.save(str(tmp_path / "snapshot"))
    again = search(tmp_path, sampler="random")
    again.restore(str(tmp_path / "snapshot"))
    again.begin({"start", "drawn"}, set())
    drawn = [some.suggest("next")["trial"]["run"] for some in (one, again)]
    assert drawn[0] == drawn[1]


def test_ray_asks_a_restored_search_that_had_ended_again(tmp_path):
    ray = LongerSearch(begun(tmp_path), at_once=1)
    ray.set_state({**ray.get_state(), "finished": True, "total_samples": 10})
    assert not ray.is_finished()


def test_after_its_hours_a_search_starts_nothing_more(tmp_path):
    one = begun(tmp_path, deadline=0.0)
    assert one.suggest("a")["trial"]["is_start"]
    assert not one.ended_by
    assert one.suggest("b") == Searcher.FINISHED
    assert one.ended_by == TIME_UP


def test_no_more_trials_run_at_once_than_there_is_room_for(tmp_path):
    one = begun(tmp_path)
    one.set_max_concurrency(1)
    one.suggest("a")
    assert one.suggest("b") is None
    finish(one, "a", [90.0] * 2)
    assert one.suggest("b") is not None


def test_a_failed_trial_that_runs_again_takes_its_place_before_it_reports(tmp_path):
    one = begun(tmp_path)
    one.suggest("a")
    one.on_trial_complete("a", error=True)
    again = begun(tmp_path, running=["a"], ended=["a"])
    again.set_max_concurrency(1)
    assert again.suggest("b") is None
    again.on_trial_complete("a", error=True)
    assert again.suggest("b") is not None


OBJECTIVES = ("val/faa", "memory/bytes", "time/train_seconds")


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2", "gp"])
def test_several_objectives_are_told_at_the_end_each_in_its_direction(tmp_path, sampler):
    one = begun(tmp_path, objectives=OBJECTIVES, sampler=sampler, num_trials=12)
    for place in range(12):
        one.suggest(str(place))
        for task in (1, 2):
            values = (90.0 - task, 10.0 * place, 7.0)
            more = {f"metrics/{n}": v for n, v in zip(OBJECTIVES, values, strict=True)}
            one.on_trial_result(str(place), {**report(task, 90.0, 2), **more})
        one.on_trial_complete(str(place), {**report(2, 88.0, 2), **more})
    assert {t.state for t in one.study.trials} == {TrialState.COMPLETE}
    assert [trial.number for trial in one.study.best_trials] == [0]
    assert one.study.trials[3].values == [88.0, 30.0, 7.0]
    assert not one.study.trials[0].intermediate_values
