"""The Optuna study of a search: its space, its trials from the journal, a file for dashboards."""

import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState, create_trial
from sqlalchemy.exc import SQLAlchemyError

from charon.files import whole_file
from charon.settings import Value
from charon.tuning.records.folder import ResultsError
from charon.tuning.records.journal import FAILED, FINISHED, PRUNED, Journal, TrialRecord
from charon.tuning.records.plan import Plan
from charon.tuning.study.objectives import can_prune, directions, score
from charon.tuning.study.space import Choice, Domain, MaskingRatio, Real, SamplingInterval, Space

NAME, TRIAL, IS_START, REFUSED = "name", "trial_id", "is_start", "refused"
"""Attributes of an Optuna trial: what a person knows it by, its id in the study, whether it is
the search's start, and why it was never run. A complete trial has its objectives too, in their
own units."""

STATES = {FINISHED: TrialState.COMPLETE, PRUNED: TrialState.PRUNED, FAILED: TrialState.FAIL}

DATABASE = "optuna.db"
"""File in a search's folder; ``optuna-dashboard sqlite:///PATH`` shows it."""


class Parameter(NamedTuple):
    """What Optuna draws for a field, and how the field's values are told to it and read back."""

    name: str
    distribution: BaseDistribution
    encode: Callable[[Any], Value] = lambda value: value
    decode: Callable[[Any], Value] = lambda value: value


def parameter(field: str, domain: Domain, *, as_numbers: bool) -> Parameter:
    """Return the parameter for a field with this domain; see :class:`Encoding`."""
    if isinstance(domain, MaskingRatio):
        kept = IntDistribution(domain.fewest, domain.most)
        return Parameter(f"{field}:kept_tuples", kept, domain.kept, domain.ratio)
    if isinstance(domain, SamplingInterval) and as_numbers:
        values = domain.values
        place = IntDistribution(0, len(values) - 1)
        return Parameter(f"{field}:place", place, values.index, values.__getitem__)
    if isinstance(domain, Choice | SamplingInterval):
        return Parameter(field, CategoricalDistribution(domain.values))
    if isinstance(domain, Real):
        return Parameter(field, FloatDistribution(domain.low, domain.high, log=domain.log))
    return Parameter(field, IntDistribution(domain.low, domain.high, log=domain.log))


class Encoding:
    """How a space is told to Optuna: ``distributions`` by the names of its parameters."""

    def __init__(self, space: Space, *, as_numbers: bool = False) -> None:
        """Encode a space that is bound to its run.

        With ``as_numbers`` sampling intervals are drawn by their place among all, for a sampler
        that knows numbers only; else Optuna sees the intervals themselves.
        """
        self._parameters = {
            field: parameter(field, domain, as_numbers=as_numbers)
            for field, domain in space.items()
        }
        self.distributions = {p.name: p.distribution for p in self._parameters.values()}

    def encode(self, fields: Mapping[str, Value]) -> dict[str, Value]:
        """Return the parameters that stand for the searched ones of a run's fields."""
        return {p.name: p.encode(fields[field]) for field, p in self._parameters.items()}

    def decode(self, params: Mapping[str, Value]) -> dict[str, Value]:
        """Return the searched fields of a run that these parameters stand for."""
        return {field: p.decode(params[p.name]) for field, p in self._parameters.items()}


def make_study(journal: Journal, encoding: Encoding, objectives: Sequence[str]) -> optuna.Study:
    """Return an Optuna study in memory that holds all that the journal tells of a search.

    Trials have the numbers under which they were suggested; those that are not over are running.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the journal tells what it would
    pruner = optuna.pruners.NopPruner()
    study = optuna.create_study(pruner=pruner, directions=directions(objectives))
    for event in list(journal.events):
        if event["kind"] == "refused":
            fields, ended = event["fields"], event["time"]
            attributes = {REFUSED: event["refused"]}
            about: dict[str, Any] = {"state": TrialState.PRUNED, "user_attrs": attributes}
        elif event["kind"] == "trial":
            record = journal.trials[event["trial"]]
            fields, ended, about = record.fields, record.ended, _about(record, objectives)
        else:
            continue
        trial = create_trial(
            params=encoding.encode(fields),
            distributions=encoding.distributions,
            system_attrs=event["sampler"],
            **about,
        )
        trial.datetime_start = datetime.fromtimestamp(event["time"])
        if trial.state.is_finished():
            trial.datetime_complete = datetime.fromtimestamp(ended)
        study.add_trial(trial)
    return study


def _about(record: TrialRecord, objectives: Sequence[str]) -> dict[str, Any]:
    """Return how far a trial is, as Optuna's ``create_trial`` takes it."""
    attributes: dict[str, Any] = {NAME: record.label, TRIAL: record.trial_id}
    if record.number == 0:
        attributes[IS_START] = True
    state = STATES.get(record.status, TrialState.RUNNING)
    scores: dict[int, float] = {}
    if can_prune(objectives):
        scores = {
            task: score(task, record.num_tasks, metrics[objectives[0]])
            for task, metrics in record.curve.items()
        }
    values = None
    if state == TrialState.COMPLETE:
        attributes |= {name: record.final[name] for name in objectives}
        values = [record.final[name] for name in objectives]
    if scores and state in (TrialState.COMPLETE, TrialState.PRUNED):
        values = [scores[record.tasks_seen]]
    return {
        "state": state,
        "values": values,
        "user_attrs": attributes,
        "intermediate_values": scores,
    }


def write_database(study: optuna.Study, plan: Plan, folder: Path) -> None:
    """Write a search's study into its folder, for Optuna's dashboard; replaces an older one.

    Raises:
        ResultsError: it cannot be written.
    """
    path = folder / DATABASE
    is_scored = can_prune(plan.objectives)
    try:
        # Elsewhere, where SQLite may leave what it likes if the process is killed.
        with tempfile.TemporaryDirectory() as elsewhere:
            made = Path(elsewhere) / DATABASE
            storage = _open(made)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                shown = optuna.create_study(
                    storage=storage, study_name=_name(plan), directions=study.directions
                )
                shown.set_metric_names([f"{n}, score" if is_scored else n for n in plan.objectives])
                shown.add_trials(study.get_trials(deepcopy=False))
            storage.remove_session()
            storage.engine.dispose()
            with whole_file(path) as file:
                file.write(made.read_bytes())
    except (OSError, optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
        cause = error.__cause__ or error
        raise ResultsError(
            f"{path} cannot be written ({getattr(cause, 'orig', cause)}); go on with --resume when "
            "it can. What was learned is kept."
        ) from error


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
