"""Optuna's view of a search: what was stopped never wins, and nothing is told twice."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from optuna.samplers._tpe.sampler import _split_trials
from optuna.trial import TrialState
from ray.tune.search import Searcher

from charon.tuning.database import DATABASE
from charon.tuning.encoding import Encoding
from charon.tuning.ending import TIME_UP, is_over
from charon.tuning.expansion import complete
from charon.tuning.files import ResultsError
from charon.tuning.journal import FINISHED, Journal
from charon.tuning.objectives import directions
from charon.tuning.runner import closing_words, noted
from charon.tuning.search import (
    IS_START,
    NAME,
    RAY_TRIAL,
    REFUSED,
    Limits,
    LongerSearch,
    StudySearch,
    load_optuna_study,
    make_study,
)
from charon.tuning.space import Choice, MaskingRatio, Real, SamplingInterval, Whole, bound
from charon.tuning.trainable import score

SPACE = {
    "learner.masking_ratio": MaskingRatio(0.0, 0.9, tuples=20),
    "learner.alpha": Real(0.05, 1.0, log=True),
    "learner.sampling_interval": SamplingInterval(1, 10, frames=120),
}
START_FIELDS = complete({"learner": "charon"})


def plan(objectives=("val/faa",), sampler="tpe"):
    return SimpleNamespace(
        name="study",
        key="1",
        objectives=objectives,
        directions=directions(objectives),
        sampler=sampler,
        num_trials=24,
    )


def search(folder, space=SPACE, objectives=("val/faa",), sampler="tpe", **limits):
    """Return a search as a study opens it, before Ray restores or begins it."""
    one = make_study(plan(objectives, sampler), folder, seed=0)
    encoding = Encoding(space, as_numbers=sampler == "cmaes")
    return StudySearch(
        one, encoding, START_FIELDS, objectives, Limits(**{"num_trials": 24, **limits})
    )


def begun(folder, *args, **kwargs):
    one = search(folder, *args, **kwargs)
    one.begin()
    return one


def report(task, faa, num_tasks=6):
    scored = {"score": score(task, num_tasks, faa), "metrics/val/faa": faa}
    return {"task": task, "num_tasks": num_tasks, **scored}


def finish(one, name, faas):
    """Report as Ray does: the last report comes only with the completion."""
    for task, faa in enumerate(faas[:-1], start=1):
        one.on_trial_result(name, report(task, faa))
    one.on_trial_complete(name, report(len(faas), faas[-1]))


def test_more_tasks_always_score_higher_and_within_a_task_accuracy_decides():
    assert score(4, 6, 100.0) <= score(5, 6, 0.0)
    assert score(4, 6, 95.0) < score(6, 6, 50.0)
    assert score(4, 6, 50.0) < score(4, 6, 60.0)
    assert score(6, 6, 100.0) == 1.0


def test_the_first_trial_is_the_papers_setting(tmp_path):
    fields = begun(tmp_path).suggest("a")["trial"]["run"]
    assert fields == complete({"learner": "charon"})


def test_a_stopped_trial_with_95_percent_loses_to_one_that_finished_with_50(tmp_path):
    one = begun(tmp_path)
    one.suggest("stopped")
    one.suggest("finished")
    finish(one, "stopped", [99.0, 98.0, 96.0, 95.0])
    finish(one, "finished", [90.0, 80.0, 70.0, 60.0, 55.0, 50.0])
    states = {t.user_attrs[RAY_TRIAL]: t.state for t in one.study.trials}
    assert states == {"stopped": TrialState.PRUNED, "finished": TrialState.COMPLETE}
    assert one.study.best_trial.user_attrs[RAY_TRIAL] == "finished"


def test_optunas_dashboard_shows_a_trials_name_and_its_faa_beside_the_score(tmp_path):
    one = begun(tmp_path)
    name = one.suggest("a")["trial"]["name"]
    finish(one, "a", [90.0, 80.0, 70.0, 60.0, 55.0, 50.0])
    shown = optuna.load_study(study_name=one.study.study_name, storage=one.study._storage)
    assert shown.metric_names == ["val/faa, score"]
    assert shown.best_trial.user_attrs[NAME] == name
    assert shown.best_trial.user_attrs["val/faa"] == 50.0
    assert shown.best_value == score(6, 6, 50.0)


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


def test_resuming_continues_known_trials_and_closes_lost_ones(tmp_path):
    one = begun(tmp_path)
    one.suggest("known")
    one.on_trial_result("known", report(1, 90.0))
    one.save(str(tmp_path / "snapshot"))
    one.suggest("lost")
    one.on_trial_result("known", report(2, 80.0))
    again = search(tmp_path)
    again.restore(str(tmp_path / "snapshot"))
    again.on_trial_result("known", report(2, 80.0))
    again.on_trial_complete("known", report(6, 70.0))
    by_name = {t.user_attrs[RAY_TRIAL]: t for t in again.study.trials if t.user_attrs}
    assert by_name["lost"].state == TrialState.FAIL
    assert by_name["known"].state == TrialState.COMPLETE


def test_a_trial_told_before_the_interruption_is_not_told_again(tmp_path):
    one = begun(tmp_path)
    one.suggest("a")
    one.save(str(tmp_path / "snapshot"))
    finish(one, "a", [90.0] * 6)
    again = search(tmp_path)
    again.restore(str(tmp_path / "snapshot"))
    again.on_trial_result("a", report(6, 90.0))
    again.on_trial_complete("a", report(6, 90.0))
    done = [t for t in again.study.trials if t.state == TrialState.COMPLETE]
    assert len(done) == 1


def test_trials_that_began_and_ended_after_the_snapshot_count(tmp_path):
    one = begun(tmp_path, num_trials=4)
    one.suggest("known")
    one.save(str(tmp_path / "snapshot"))
    for name in ("finished", "failed", "lost"):
        one.suggest(name)
    finish(one, "finished", [90.0] * 6)
    one.on_trial_complete("failed", error=True)
    for _ in range(2):  # killed twice before another snapshot
        again = search(tmp_path, num_trials=4)
        again.restore(str(tmp_path / "snapshot"))
    assert again.suggest("more") != Searcher.FINISHED
    assert again.suggest("one too many") == Searcher.FINISHED


def test_a_failed_trial_that_went_on_and_ended_after_the_snapshot_is_complete_once(tmp_path):
    one = begun(tmp_path)
    one.suggest("a")
    one.on_trial_complete("a", error=True)
    one.save(str(tmp_path / "snapshot"))
    for _ in range(2):
        again = search(tmp_path)
        again.restore(str(tmp_path / "snapshot"))
        again.on_trial_result("a", report(2, 80.0))
        again.on_trial_complete("a", report(6, 70.0))
    assert [t.state for t in again.study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def test_a_database_that_is_gone_is_said_before_anything_goes_on(tmp_path):
    begun(tmp_path).suggest("a")
    search(tmp_path).check_holds(["a"], tmp_path / DATABASE)
    (tmp_path / DATABASE).unlink()
    with pytest.raises(ResultsError, match=r"lacks 1 of the trials .* put that one back"):
        search(tmp_path).check_holds(["a"], tmp_path / DATABASE)


def test_a_trial_stopped_after_the_snapshot_stays_so(tmp_path):
    one = begun(tmp_path)
    one.suggest("a")
    one.save(str(tmp_path / "snapshot"))
    finish(one, "a", [10.0, 10.0])
    again = search(tmp_path)
    assert [trial.is_stopped for trial in again.scores()] == [True]
    again.restore(str(tmp_path / "snapshot"))
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


def test_suggestions_are_runs_without_values_between_whole_tuples(tmp_path):
    one = begun(tmp_path)
    for name in "abcdefgh":
        fields = one.suggest(name)["trial"]["run"]
        assert SPACE["learner.masking_ratio"].holds(fields["learner.masking_ratio"])
        assert 120 % fields["learner.sampling_interval"] == 0


def test_names_of_suggestions_are_unique(tmp_path):
    one = begun(tmp_path)
    names = [one.suggest(name)["trial"]["name"] for name in "abcd"]
    assert len(set(names)) == 4


def test_the_database_opens_with_optuna_alone(tmp_path):
    begun(tmp_path).suggest("a")
    study = optuna.load_study(study_name="study-1", storage=f"sqlite:///{tmp_path / DATABASE}")
    assert len(study.trials) == 1
    assert len(load_optuna_study(tmp_path, plan()).trials) == 1


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
    assert {some.number for some in one.scores()} == {number}


def test_a_search_ends_after_its_trials_and_goes_on_when_it_may_have_more(tmp_path):
    one = begun(tmp_path, num_trials=1)
    one.suggest("a")
    assert one.suggest("b") == Searcher.FINISHED
    finish(one, "a", [90.0] * 6)
    one.save(str(tmp_path / "snapshot"))
    longer = search(tmp_path, num_trials=2)
    longer.restore(str(tmp_path / "snapshot"))
    config = longer.suggest("b")["trial"]
    assert not config["is_start"]
    assert config["run"] != START_FIELDS
    assert longer.suggest("c") == Searcher.FINISHED
    assert [t.state for t in longer.study.trials] == [TrialState.COMPLETE, TrialState.RUNNING]


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


def test_a_setting_over_the_budget_is_told_to_optuna_and_never_run(tmp_path):
    space = {"learner.buffer_size": Whole(100, 2000), "learner.alpha": Real(0.1, 1)}
    one = begun(
        tmp_path, space, num_trials=8, budget=500, bytes_of=lambda f: f["learner.buffer_size"]
    )
    heard = []
    one.on_suggestion = heard.append
    for name in "abcdefgh":
        fields = one.suggest(name)["trial"]["run"]
        assert fields["learner.buffer_size"] <= 500
        finish(one, name, [float(fields["learner.buffer_size"]) / 20] * 6)
    over = [t for t in one.study.trials if REFUSED in t.user_attrs]
    assert over
    assert over[-1].user_attrs[REFUSED] == [s.refused for s in heard if s.refused][-1]
    assert "over 500 B" in over[-1].user_attrs[REFUSED]
    assert {t.state for t in over} == {TrialState.PRUNED}
    assert all(t.constraints["memory/bytes"] > 0 for t in over)
    assert one.study.best_trial.params["learner.buffer_size"] <= 500
    assert [s.number for s in heard] == list(range(len(one.study.trials)))
    assert [s.ray_trial for s in heard if s.ray_trial] == list("abcdefgh")


def test_fields_that_do_not_go_together_are_told_to_optuna_and_never_run(tmp_path):
    space = {
        "data.num_frames": Choice((10, 15, 120)),
        "model.frames_per_tuple": Choice((1, 2, 6)),
    }
    one = begun(tmp_path, space)
    heard = []
    one.on_suggestion = heard.append
    for number in range(12):
        fields = one.suggest(str(number))["trial"]["run"]
        assert fields["data.num_frames"] % fields["model.frames_per_tuple"] == 0
        finish(one, str(number), [50.0] * 6)
    refused = [suggestion.refused for suggestion in heard if suggestion.refused]
    assert refused
    assert all("num_frames" in why for why in refused)
    assert {t.state for t in one.study.trials if REFUSED in t.user_attrs} == {TrialState.PRUNED}


def test_a_search_in_which_nothing_more_can_be_run_is_over_and_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr("charon.tuning.search.PATIENCE", 2)
    monkeypatch.setattr("charon.tuning.search.MOST_DRAWS", 4)
    space = {"learner.buffer_size": Whole(500, 2000, log=True)}
    one = begun(tmp_path, space, budget=500, bytes_of=lambda f: f["learner.buffer_size"])
    journal = Journal(tmp_path / "journal.jsonl")
    one.on_suggestion = lambda suggestion: noted(journal, suggestion)
    one.suggest("a")
    journal.append("trial", "a", label="", fields={}, tags={})
    finish(one, "a", [50.0] * 6)
    journal.append("end", "a", outcome=FINISHED)
    assert one.suggest("b") == Searcher.FINISHED
    assert len(one.study.trials) == 1 + 4
    assert not is_over(journal, 24)
    journal.append(one.ended_by)
    assert is_over(journal, 24)
    refused, end = closing_words(journal, SimpleNamespace(num_trials=24), one.ended_by)
    assert "Suggested, but not run: 4 settings" in refused
    assert "over 500 B" in refused
    assert "after 1 of 24 trials" in end
    assert "--budget" in end
    assert "--resume" not in end


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


MODELLED = pytest.param("gp", marks=pytest.mark.slow)  # seconds a suggestion


DEFAULT = bound(
    runpy.run_path(str(Path(__file__).parents[2] / "studies" / "search.py"))["study"].space,
    START_FIELDS,
)


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes", MODELLED, "nsga2"])
def test_every_sampler_searches_the_default_space_without_a_warning(tmp_path, sampler):
    one = begun(
        tmp_path, DEFAULT, sampler=sampler, budget=1600, bytes_of=lambda f: f["learner.buffer_size"]
    )
    for name in "abcdefghijkl":  # Optuna's samplers draw the first ten at random
        fields = one.suggest(name)["trial"]["run"]
        assert all(DEFAULT[field].holds(fields[field]) for field in DEFAULT)
        finish(one, name, [50.0 + 10 * fields["learner.alpha"]] * (2 if name == "c" else 6))
