"""The Optuna study of a search, made or found again in its database, for it to go on or be read."""

import warnings
from pathlib import Path

import optuna

from charon.tuning.records.plan import Plan
from charon.tuning.sampling.database import DATABASE, open_database
from charon.tuning.sampling.samplers import make_sampler
from charon.tuning.study.objectives import can_prune, directions


def make_study(plan: Plan, folder: Path, seed: int) -> optuna.Study:
    """Return the Optuna study of a search, made if it does not exist.

    Raises:
        ResultsError: its database cannot be used.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            storage=open_database(folder / DATABASE),
            sampler=make_sampler(plan.sampler, seed, plan.num_trials),
            pruner=optuna.pruners.NopPruner(),
            study_name=optuna_name(plan),
            directions=directions(plan.objectives),
            load_if_exists=True,
        )
        # For those who look at the database with Optuna's dashboard.
        is_scored = can_prune(plan.objectives)
        study.set_metric_names([f"{n}, score" if is_scored else n for n in plan.objectives])
        return study


def load_optuna_study(folder: Path, plan: Plan) -> optuna.Study:
    """Return the Optuna study of a search's results folder.

    Raises:
        ResultsError: its database cannot be used.
    """
    storage = open_database(folder / DATABASE)
    return optuna.load_study(study_name=optuna_name(plan), storage=storage)


def optuna_name(plan: Plan) -> str:
    """Return the name of a search in its database; unique, or Optuna would merge studies."""
    return f"{plan.name}-{plan.key}"
