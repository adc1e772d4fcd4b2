"""Optuna's view of a search: what was stopped never wins, and nothing is told twice."""

import optuna
import pytest
from optuna.trial import TrialState

from charon.errors import ConfigError
from charon.tuning.expansion import complete
from charon.tuning.search import RAY_TRIAL, StudySearch, decode, encode
from charon.tuning.space import Choice, KeptTuples, Real
from charon.tuning.trainable import score

SPACE = {
    "learner.masking_ratio": KeptTuples(2, 20),
    "learner.alpha": Real(0.05, 1.0, log=True),
    "learner.sampling_interval": Choice((1, 5, 10)),
}


def search(folder, name="study-1", **space):
    start = complete({"learner": "charon"})
    return StudySearch(space or SPACE, start, folder / "optuna.db", name, seed=0)


def report(task, faa, num_tasks=6):
    return {"task": task, "num_tasks": num_tasks, "score": score(task, num_tasks, faa)}


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
    fields = search(tmp_path).suggest("a")["trial"]["run"]
    assert fields == complete({"learner": "charon"})


def test_a_stopped_trial_with_95_percent_loses_to_one_that_finished_with_50(tmp_path):
    one = search(tmp_path)
    one.suggest("stopped")
    one.suggest("finished")
    finish(one, "stopped", [99.0, 98.0, 96.0, 95.0])
    finish(one, "finished", [90.0, 80.0, 70.0, 60.0, 55.0, 50.0])
    states = {t.user_attrs[RAY_TRIAL]: t.state for t in one.study.trials}
    assert states == {"stopped": TrialState.PRUNED, "finished": TrialState.COMPLETE}
    assert one.study.best_trial.user_attrs[RAY_TRIAL] == "finished"


def test_the_sampler_ranks_every_stopped_trial_below_every_finished_one(tmp_path):
    one = search(tmp_path)
    for name in ("stopped", "finished"):
        one.suggest(name)
    finish(one, "stopped", [99.0, 98.0, 96.0, 95.0])
    finish(one, "finished", [50.0] * 6)
    # TPE ranks pruned trials by their last step's value, behind complete ones.
    last = {t.user_attrs[RAY_TRIAL]: max(t.intermediate_values.items()) for t in one.study.trials}
    assert last["stopped"] == (4, score(4, 6, 95.0))
    assert last["finished"] == (6, score(6, 6, 50.0))
    assert last["stopped"] < last["finished"]


def test_the_report_at_which_a_trial_is_stopped_is_not_lost(tmp_path):
    one = search(tmp_path)
    one.suggest("a")
    finish(one, "a", [90.0, 80.0])
    assert sorted(one.study.trials[0].intermediate_values) == [1, 2]


def test_a_trial_that_failed_is_told_so(tmp_path):
    one = search(tmp_path)
    one.suggest("a")
    one.on_trial_result("a", report(1, 90.0))
    one.on_trial_complete("a", error=True)
    assert one.study.trials[0].state == TrialState.FAIL


def test_a_failed_trial_that_goes_on_is_a_new_one_with_the_same_values(tmp_path):
    one = search(tmp_path)
    one.suggest("a")
    one.on_trial_complete("a", error=True)
    one.on_trial_result("a", report(2, 80.0))
    one.on_trial_complete("a", report(6, 70.0))
    old, new = one.study.trials
    assert (old.state, new.state) == (TrialState.FAIL, TrialState.COMPLETE)
    assert old.params == new.params


def test_resuming_continues_known_trials_and_closes_lost_ones(tmp_path):
    one = search(tmp_path)
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
    one = search(tmp_path)
    one.suggest("a")
    one.save(str(tmp_path / "snapshot"))
    finish(one, "a", [90.0] * 6)
    again = search(tmp_path)
    again.restore(str(tmp_path / "snapshot"))
    again.on_trial_result("a", report(6, 90.0))
    again.on_trial_complete("a", report(6, 90.0))
    done = [t for t in again.study.trials if t.state == TrialState.COMPLETE]
    assert len(done) == 1


def test_opening_a_study_again_does_not_enqueue_its_start_again(tmp_path):
    search(tmp_path).suggest("a")
    waiting = [t for t in search(tmp_path).study.trials if t.state == TrialState.WAITING]
    assert waiting == []


def test_suggestions_are_runs_without_values_between_whole_tuples(tmp_path):
    one = search(tmp_path)
    for name in "abcdefgh":
        fields = one.suggest(name)["trial"]["run"]
        assert SPACE["learner.masking_ratio"].holds(fields["learner.masking_ratio"])
        assert fields["learner.sampling_interval"] in (1, 5, 10)


def test_names_of_suggestions_are_unique(tmp_path):
    one = search(tmp_path)
    names = [one.suggest(name)["trial"]["name"] for name in "abcd"]
    assert len(set(names)) == 4


def test_a_start_outside_the_space_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="alpha"):
        search(tmp_path, **{"learner.alpha": Real(0.5, 1.0)})


def test_parameters_and_fields_name_each_other():
    fields = {
        "learner.masking_ratio": 0.85,
        "learner.alpha": 0.3,
        "learner.sampling_interval": 5,
    }
    assert decode(SPACE, encode(SPACE, fields)) == fields


def test_the_database_opens_with_optuna_alone(tmp_path):
    search(tmp_path).suggest("a")
    study = optuna.load_study(study_name="study-1", storage=f"sqlite:///{tmp_path / 'optuna.db'}")
    assert len(study.trials) == 1
