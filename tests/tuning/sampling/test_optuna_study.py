"""The Optuna study of a search reads well without the search, and is found again."""

import optuna
from tuning.driven_search import begun, finish, plan

from charon.tuning.execution.trainable import score
from charon.tuning.sampling.database import DATABASE
from charon.tuning.sampling.optuna_study import load_optuna_study
from charon.tuning.sampling.suggestions import NAME


def test_optunas_dashboard_shows_a_trials_name_and_its_faa_beside_the_score(tmp_path):
    one = begun(tmp_path)
    name = one.suggest("a")["trial"]["name"]
    finish(one, "a", [90.0, 80.0, 70.0, 60.0, 55.0, 50.0])
    shown = optuna.load_study(study_name=one.study.study_name, storage=one.study._storage)
    assert shown.metric_names == ["val/faa, score"]
    assert shown.best_trial.user_attrs[NAME] == name
    assert shown.best_trial.user_attrs["val/faa"] == 50.0
    assert shown.best_value == score(6, 6, 50.0)


def test_the_database_opens_with_optuna_alone(tmp_path):
    begun(tmp_path).suggest("a")
    study = optuna.load_study(study_name="study-1", storage=f"sqlite:///{tmp_path / DATABASE}")
    assert len(study.trials) == 1
    assert len(load_optuna_study(tmp_path, plan()).trials) == 1
