"""Optuna as one mode of a study, without the traps between it and Ray.

- A trial stopped early never wins: its score ranks below every finished one
  (:func:`charon.tuning.trainable.score`), and Optuna is told PRUNED, without a value.
- Ray does not pass on the report at which a trial is stopped, nor the last one; they are
  reported when the trial completes.
- After an interruption a stored trial is neither told nor reported twice.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState
from ray.tune.search.optuna import OptunaSearch

from charon.tuning.expansion import complete
from charon.tuning.files import locked
from charon.tuning.journal import Value
from charon.tuning.labels import label
from charon.tuning.plan import Plan
from charon.tuning.space import Choice, Domain, KeptTuples, Real, check_start

DATABASE = "optuna.db"
"""File in a search's folder; ``optuna-dashboard sqlite:///PATH`` shows it."""

RAY_TRIAL = "ray_trial"
"""Attribute of an Optuna trial: Ray's name of it."""

KEPT = ":kept_tuples"
"""Suffix of the name under which Optuna knows a masking ratio."""


class StudySearch(OptunaSearch):  # type: ignore[misc]
    """Suggests complete trial configurations, the paper's setting first."""

    def __init__(
        self,
        space: Mapping[str, Domain],
        start: Mapping[str, Value],
        database: Path,
        study_name: str,
        seed: int,
    ) -> None:
        """Open or make the Optuna study.

        Args:
            space: what to vary.
            start: all fields of the first trial; the fixed ones are those of all trials.
            database: absolute path of the SQLite file.
            study_name: unique in the file.
            seed: of the sampler.

        Raises:
            ConfigError: ``start`` lies outside the space.
        """
        check_start(space, start)
        self._domains = dict(space)
        self._fixed = dict(start)
        storage = open_database(database)
        is_new = study_name not in optuna.study.get_all_study_names(storage)
        super().__init__(
            space={_parameter(name, d): distribution(d) for name, d in space.items()},
            metric="score",
            mode="max",
            points_to_evaluate=[encode(space, start)] if is_new else None,
            sampler=make_sampler(seed),
            storage=storage,
            study_name=study_name,
        )

    @property
    def study(self) -> optuna.Study:
        """The Optuna study."""
        return self._ot_study

    def suggest(self, trial_id: str) -> dict[str, Any]:
        """Return the next trial's configuration: its name and all fields of its run."""
        super().suggest(trial_id)
        trial = self._ot_trials[trial_id]
        trial.set_user_attr(RAY_TRIAL, trial_id)
        fields = complete({**self._fixed, **decode(self._domains, trial.params)})
        name = f"{label(fields, list(self._domains))} #{trial.number}"
        return {"trial": {"name": name, "run": fields, "is_start": trial.number == 0}}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Report a task's score to Optuna, once."""
        self._report(self._open_trial(trial_id), result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell Optuna how a trial ended: complete, pruned or failed."""
        if trial_id in self._completed_trials or trial_id not in self._ot_trials:
            return
        trial = self._ot_trials[trial_id]
        if not self._is_over(trial):
            if error or not result or "score" not in result:
                self._ot_study.tell(trial, state=TrialState.FAIL)
            else:
                self._report(trial, result)
                if result["task"] < result["num_tasks"]:
                    self._ot_study.tell(trial, state=TrialState.PRUNED)
                else:
                    self._ot_study.tell(trial, result["score"])
        self._completed_trials.add(trial_id)

    def restore(self, checkpoint_path: str) -> None:
        """Continue from a snapshot; trials it does not know were lost with the driver."""
        super().restore(checkpoint_path)
        known = {trial.number for trial in self._ot_trials.values()}
        for trial in self._ot_study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.number not in known:
                self._ot_study.tell(trial.number, state=TrialState.FAIL)

    def scores(self) -> dict[str, dict[int, float]]:
        """Return every trial's score after each task, by Ray's name of the trial."""
        return {
            trial.user_attrs[RAY_TRIAL]: dict(trial.intermediate_values)
            for trial in self._ot_study.get_trials(deepcopy=False)
            if RAY_TRIAL in trial.user_attrs
        }

    def _report(self, trial: optuna.Trial, result: Mapping[str, Any]) -> None:
        stored = self._stored(trial)
        if not stored.state.is_finished() and result["task"] not in stored.intermediate_values:
            trial.report(result["score"], result["task"])

    def _open_trial(self, trial_id: str) -> optuna.Trial:
        """Return the trial to report to; one that failed and goes on is opened anew."""
        trial = self._ot_trials[trial_id]
        if self._stored(trial).state != TrialState.FAIL:
            return trial
        self._ot_study.enqueue_trial(trial.params)
        again = self._ot_study.ask(fixed_distributions=self._space)
        again.set_user_attr(RAY_TRIAL, trial_id)
        self._ot_trials[trial_id] = again
        self._completed_trials.discard(trial_id)
        return again

    def _stored(self, trial: optuna.Trial) -> optuna.trial.FrozenTrial:
        return self._ot_study.get_trials(deepcopy=False)[trial.number]

    def _is_over(self, trial: optuna.Trial) -> bool:
        return bool(self._stored(trial).state.is_finished())


def distribution(domain: Domain) -> BaseDistribution:
    """Return what Optuna draws from."""
    if isinstance(domain, KeptTuples):
        return IntDistribution(domain.low, domain.high)
    if isinstance(domain, Choice):
        return CategoricalDistribution(domain.values)
    if isinstance(domain, Real):
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    return IntDistribution(domain.low, domain.high, log=domain.log)


def encode(space: Mapping[str, Domain], fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return Optuna's parameters for the searched ones of ``fields``."""
    return {
        _parameter(name, domain): _encoded(domain, fields[name]) for name, domain in space.items()
    }


def decode(space: Mapping[str, Domain], params: Mapping[str, Value]) -> dict[str, Value]:
    """Return the fields of a run for Optuna's parameters."""
    fields: dict[str, Value] = {}
    for name, domain in space.items():
        value = params[_parameter(name, domain)]
        is_kept = isinstance(domain, KeptTuples) and isinstance(value, int)
        fields[name] = domain.ratio(value) if is_kept else value  # type: ignore[union-attr,arg-type]
    return fields


def _encoded(domain: Domain, value: Value) -> Value:
    if isinstance(domain, KeptTuples) and isinstance(value, int | float):
        return domain.kept(value)
    return value


def _parameter(name: str, domain: Domain) -> str:
    return name + KEPT if isinstance(domain, KeptTuples) else name


def make_sampler(seed: int) -> optuna.samplers.BaseSampler:
    """Return TPE that models settings jointly and knows of running trials."""
    return optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=seed)


def load_optuna_study(folder: Path, plan: Plan) -> optuna.Study:
    """Return the Optuna study of a search's results folder."""
    storage = open_database(folder / DATABASE)
    return optuna.load_study(study_name=optuna_name(plan), storage=storage)


def optuna_name(plan: Plan) -> str:
    """Return the name of a search in its database; unique, or Optuna would merge studies."""
    return f"{plan.name}-{plan.key}"


def open_database(path: Path) -> optuna.storages.RDBStorage:
    """Open Optuna's SQLite file, making it whole and once if it does not exist."""
    if not path.exists():
        with locked(path.with_name(f".{path.name}.lock")):
            if not path.exists():
                temporary = path.with_name(f".{path.name}.{os.getpid()}")
                temporary.unlink(missing_ok=True)
                storage = _storage(temporary)
                storage.remove_session()
                storage.engine.dispose()
                temporary.replace(path)
    return _storage(path)


def _storage(path: Path) -> optuna.storages.RDBStorage:
    return optuna.storages.RDBStorage(
        f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 30}}
    )
