"""Optuna's SQLite file: written whole for its dashboard, never over a file that is not Optuna's."""

import os
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path

import optuna
from sqlalchemy.exc import SQLAlchemyError

from charon.tuning.records.folder import ResultsError
from charon.tuning.records.plan import Plan
from charon.tuning.study.objectives import can_prune

DATABASE = "optuna.db"
"""File in a search's folder; ``optuna-dashboard sqlite:///PATH`` shows it."""


def write_database(study: optuna.Study, plan: Plan, folder: Path) -> None:
    """Write a search's study into its folder, for Optuna's dashboard; replaces an older one.

    Raises:
        ResultsError: it cannot be written.
    """
    path = folder / DATABASE
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    is_scored = can_prune(plan.objectives)
    try:
        storage = _open(temporary)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            shown = optuna.create_study(
                storage=storage, study_name=_name(plan), directions=study.directions
            )
            shown.set_metric_names([f"{n}, score" if is_scored else n for n in plan.objectives])
            shown.add_trials(study.get_trials(deepcopy=False))
        storage.remove_session()
        storage.engine.dispose()
        temporary.replace(path)
    except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
        cause = error.__cause__ or error
        raise ResultsError(
            f"{path} cannot be written ({getattr(cause, 'orig', cause)}); go on with --resume when "
            "it can. What was learned is kept."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def load_optuna_study(folder: Path, plan: Plan) -> optuna.Study:
    """Return the Optuna study that :func:`write_database` wrote."""
    return optuna.load_study(study_name=_name(plan), storage=_open(folder / DATABASE))


def _open(path: Path) -> optuna.storages.RDBStorage:
    # Optuna would write to the screen beside the study's log.
    optuna.logging.disable_default_handler()
    return optuna.storages.RDBStorage(f"sqlite:///{path}")


def _name(plan: Plan) -> str:
    return f"{plan.name}-{plan.key}"


def check_database(path: Path) -> None:
    """Check that a search may write its database here; nothing is changed.

    A damaged database is no obstacle, for it is made anew.

    Raises:
        ResultsError: the file is not Optuna's.
    """
    if path.exists() and not _may_be_optunas(path):
        raise ResultsError(
            f"{path} is not a database of Optuna, and a search would write there; move it away, "
            "or choose another folder with --results DIR."
        )


def _may_be_optunas(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if file.read(16) not in (b"SQLite format 3\0", b""):
                return False
        with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {name for (name,) in rows}
    except sqlite3.DatabaseError:
        return True  # damaged
    except OSError:
        return False
    return not tables or {"studies", "trials", "version_info"} <= tables
