"""Optuna as one mode of a study, without the traps between it and Ray.

- A trial stopped early never wins: its score ranks below every finished one
  (:func:`charon.tuning.trainable.score`), and Optuna is told PRUNED, without a value.
- Ray does not pass on the report at which a trial is stopped, nor the last one; they are
  reported when the trial completes.
- After an interruption a stored trial is neither told nor reported twice, and those that were
  lost with the driver are closed.
- A setting over the budget is never run, nor one whose fields do not go together: Optuna is
  told, and asked again.
- How many trials there are is decided here, not by Ray, so that a search can be made longer.
"""

import math
import pickle
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial
from ray.tune.search import ConcurrencyLimiter, Searcher
from ray.tune.search.search_generator import SearchGenerator

from charon.errors import ConfigError
from charon.tuning.budget import show_bytes
from charon.tuning.database import DATABASE, open_database
from charon.tuning.encoding import Encoding
from charon.tuning.ending import EXHAUSTED, TIME_UP
from charon.tuning.expansion import complete
from charon.tuning.files import ResultsError
from charon.tuning.journal import Value
from charon.tuning.labels import label
from charon.tuning.objectives import can_prune, directions
from charon.tuning.plan import Plan
from charon.tuning.samplers import make_sampler

RAY_TRIAL = "ray_trial"
"""Attribute of an Optuna trial: Ray's name of it."""

IS_START = "is_start"
"""Attribute of the Optuna trial that is the paper's setting."""

LOST = "is_lost"
"""Attribute of an Optuna trial that was lost with the driver: Ray knows nothing of it."""

NUMBER = "number"
"""Attribute of an Optuna trial: the number under which it was suggested first."""

NAME = "name"
"""Attribute of an Optuna trial: what a person knows it by."""

REFUSED = "refused"
"""Attribute of an Optuna trial that was never run: why, in one sentence."""

PATIENCE = 100
"""Refused settings that a sampler may suggest in a row; then they are drawn at random."""

MOST_DRAWS = 1000
"""Refused settings in a row after which the search gives up."""


@dataclass(frozen=True)
class Limits:
    """What ends a search, and how wide it is.

    Attributes:
        num_trials: trials in all, those before an interruption included.
        deadline: seconds since the epoch after which no trial starts but the first.
        budget: most bytes of a memory; None for any.
        bytes_of: returns the bytes that the memory of a run with these fields can take;
            a ConfigError where they do not go together.
    """

    num_trials: int
    deadline: float = math.inf
    budget: int | None = None
    bytes_of: Callable[[Mapping[str, Value]], int] = lambda fields: 0


@dataclass(frozen=True)
class Suggestion:
    """A setting that Optuna suggested.

    Attributes:
        number: Optuna's.
        fields: the searched ones.
        ray_trial: Ray's name of the trial; empty where the setting is refused.
        refused: why it is never run, in one sentence; empty where it is run.
    """

    number: int
    fields: dict[str, Value]
    ray_trial: str = ""
    refused: str = ""


@dataclass(frozen=True)
class ScoresOfTrial:
    """What a trial has scored.

    Attributes:
        ray_trial: Ray's name of it.
        number: its number among the suggestions.
        by_task: its score after each task.
        is_stopped: whether it was stopped before its last task.
    """

    ray_trial: str
    number: int
    by_task: dict[int, float]
    is_stopped: bool = False


class StudySearch(Searcher):  # type: ignore[misc]
    """Suggests complete trial configurations, the paper's setting first.

    Attributes:
        study: the Optuna study.
        ended_by: what ended it before it had all its trials; empty where nothing did.
        on_suggestion: called with every setting that is suggested.
    """

    def __init__(
        self,
        study: optuna.Study,
        encoding: Encoding,
        start: Mapping[str, Value],
        objectives: Sequence[str],
        limits: Limits,
    ) -> None:
        """Search ``study``; neither asks nor tells it anything yet.

        Args:
            study: new, or one that goes on.
            encoding: of what is varied.
            start: all fields of the first trial; the fixed ones are those of all trials.
            objectives: metrics, in the order of the study's directions.
            limits: what ends the search.
        """
        super().__init__()
        self.study = study
        self.ended_by = ""
        self.on_suggestion: Callable[[Suggestion], None] = lambda suggestion: None
        self._storage = study._storage
        self._study_id = self._storage.get_study_id_from_name(study.study_name)
        self._encoding = encoding
        self._fixed = dict(start)
        self._objectives = tuple(objectives)
        self._limits = limits
        # CMA-ES knows no constraints and warns of every one; it is only asked again.
        self._tells_constraints = not isinstance(study.sampler, optuna.samplers.CmaEsSampler)
        self._at_once = math.inf
        self._numbers: dict[str, int] = {}
        self._over: set[str] = set()

    def begin(self) -> None:
        """Start a search that Ray knows nothing of: close what a crash left, queue the start."""
        self._take_over(set())
        has_start = any(
            IS_START in trial.user_attrs and trial.state != TrialState.FAIL for trial in self._all()
        )
        if not has_start:
            params = self._encoding.encode(self._fixed)
            self.study.enqueue_trial(params, user_attrs={IS_START: True})

    def check_holds(self, names: Iterable[str], database: Path) -> None:
        """Check that the database has the trials that were suggested in earlier sittings.

        Ray would meet its snapshot's unknown trials too late, in the midst of its loop.

        Raises:
            ResultsError: it lacks some.
        """
        number = len(set(names) - {trial.ray_trial for trial in self.scores()})
        if number:
            raise ResultsError(
                f"{database} lacks {number} of the trials that this search has suggested, so it "
                "is not the file it was: put that one back and go on with --resume, or start anew "
                "in another folder with --results DIR."
            )

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """Take the number of trials at once; Ray's own count forgets trials that go on."""
        self._at_once = max_concurrent
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next trial's configuration: its name and all fields of its run."""
        if len(self._numbers) >= self._limits.num_trials:
            return str(Searcher.FINISHED)
        if self._numbers and time.time() >= self._limits.deadline:
            self.ended_by = TIME_UP
            return str(Searcher.FINISHED)
        if len(self._numbers) - len(self._over) >= self._at_once:
            return None
        number = self._draw(trial_id)
        if number is None:
            self.ended_by = EXHAUSTED
            return str(Searcher.FINISHED)
        self._numbers[trial_id] = number
        trial = self._all()[number]
        fields = self._fields(trial)
        name = f"{label(fields, list(self._encoding.space))} #{number}"
        self._storage.set_trial_user_attr(trial._trial_id, NAME, name)
        self.on_suggestion(Suggestion(number, self._encoding.decode(trial.params), trial_id))
        return {
            "trial": {
                "name": name,
                "run": fields,
                "is_start": IS_START in trial.user_attrs,
                "number": number,
            }
        }

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Report a task's score to Optuna, once."""
        self._over.discard(trial_id)
        self._report(self._open_trial(trial_id), result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell Optuna how a trial ended: complete, pruned or failed."""
        if trial_id not in self._numbers:
            return
        self._over.add(trial_id)
        if error or not result or "task" not in result:
            trial = self._stored(trial_id)
            if not trial.state.is_finished():
                self.study.tell(trial.number, state=TrialState.FAIL)
            return
        trial = self._open_trial(trial_id)
        if trial.state.is_finished():
            return
        self._report(trial, result)
        if result["task"] < result["num_tasks"]:
            self.study.tell(trial.number, state=TrialState.PRUNED)
        else:
            for name in self._objectives:
                value = float(result[f"metrics/{name}"])
                self._storage.set_trial_user_attr(trial._trial_id, name, value)
            self.study.tell(trial.number, self._values(result))

    def save(self, checkpoint_path: str) -> None:
        """Write what a restored search must know beside Optuna's database."""
        state = {"known": set(self._numbers), "sampler": self.study.sampler}
        Path(checkpoint_path).write_bytes(pickle.dumps(state))

    def restore(self, checkpoint_path: str) -> None:
        """Continue from a snapshot; open trials it does not know were lost with the driver."""
        state = pickle.loads(Path(checkpoint_path).read_bytes())
        self.study.sampler = state["sampler"]
        self._take_over(state["known"])

    def scores(self) -> list[ScoresOfTrial]:
        """Return every trial's score after each task."""
        return [
            ScoresOfTrial(
                trial.user_attrs[RAY_TRIAL],
                trial.user_attrs[NUMBER],
                dict(trial.intermediate_values),
                trial.state == TrialState.PRUNED,
            )
            for trial in self._all()
            if RAY_TRIAL in trial.user_attrs
        ]

    def _draw(self, trial_id: str) -> int | None:
        """Ask for a setting that can be run; None if none is found."""
        own = self.study.sampler
        try:
            for draw in range(MOST_DRAWS):
                if draw == PATIENCE:
                    self.study.sampler = optuna.samplers.RandomSampler(seed=len(self._numbers))
                number = self._ask(trial_id)
                if number is not None:
                    return number
        finally:
            self.study.sampler = own
        return None

    def _ask(self, trial_id: str) -> int | None:
        trial = self.study.ask(self._encoding.distributions)
        fields = self._encoding.decode(trial.params)
        refused = self._why_refused(trial, fields)
        if refused:
            trial.set_user_attr(REFUSED, refused)
            self.study.tell(trial, state=TrialState.PRUNED)
            self.on_suggestion(Suggestion(trial.number, fields, refused=refused))
            return None
        trial.set_user_attr(RAY_TRIAL, trial_id)
        trial.set_user_attr(NUMBER, trial.number)
        return int(trial.number)

    def _why_refused(self, trial: optuna.Trial, fields: Mapping[str, Value]) -> str:
        """Return why a setting cannot be run, in one sentence; empty where it can."""
        try:
            num_bytes = self._limits.bytes_of(complete({**self._fixed, **fields}))
        except ConfigError as error:
            return str(error)
        budget = self._limits.budget
        if budget is None:
            return ""
        if self._tells_constraints:
            trial.set_constraint("memory/bytes", num_bytes - budget)
        if num_bytes <= budget:
            return ""
        return f"Its memory could take {show_bytes(num_bytes)}, over {show_bytes(budget)}."

    def _fields(self, trial: FrozenTrial) -> dict[str, Value]:
        return complete({**self._fixed, **self._encoding.decode(trial.params)})

    def _values(self, result: Mapping[str, Any]) -> float | list[float]:
        if can_prune(self._objectives):
            return float(result["score"])
        return [float(result[f"metrics/{name}"]) for name in self._objectives]

    def _report(self, trial: FrozenTrial, result: Mapping[str, Any]) -> None:
        is_new = not trial.state.is_finished() and result["task"] not in trial.intermediate_values
        if is_new and can_prune(self._objectives):
            self._storage.set_trial_intermediate_value(
                trial._trial_id, result["task"], result["score"]
            )

    def _open_trial(self, trial_id: str) -> FrozenTrial:
        """Return the trial to report to; one that failed and goes on is opened anew."""
        trial = self._stored(trial_id)
        if trial.state != TrialState.FAIL:
            return trial
        self.study.add_trial(
            create_trial(
                state=TrialState.RUNNING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=trial.user_attrs,
                system_attrs=trial.system_attrs,
                intermediate_values=trial.intermediate_values,
            )
        )
        again: FrozenTrial = self._all()[-1]
        self._numbers[trial_id] = again.number
        return again

    def _take_over(self, known: set[str]) -> None:
        """Count the trials of the database, which is never older than Ray's snapshot.

        Trials that have ended count whether Ray knows them or not, as in the journal; open
        ones that it does not know are closed. Of a trial that was opened anew the last counts.
        """
        for trial in self._all():
            name = trial.user_attrs.get(RAY_TRIAL, "")
            if trial.state == TrialState.RUNNING and name not in known:
                self._storage.set_trial_user_attr(trial._trial_id, LOST, True)
                self.study.tell(trial.number, state=TrialState.FAIL)
            elif name and LOST not in trial.user_attrs:
                self._numbers[name] = trial.number
        self._over = {name for name in self._numbers if self._stored(name).state.is_finished()}

    def _stored(self, trial_id: str) -> FrozenTrial:
        return self._all()[self._numbers[trial_id]]

    def _all(self) -> list[FrozenTrial]:
        trials: list[FrozenTrial] = self.study.get_trials(deepcopy=False)
        return trials


class LongerSearch(SearchGenerator):  # type: ignore[misc]
    """Ray's side of a search, which may go on where a saved one had come to its end."""

    def __init__(self, search: StudySearch, at_once: int) -> None:
        """Run at most ``at_once`` of its trials at the same time."""
        super().__init__(ConcurrencyLimiter(search, max_concurrent=at_once))

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot; whether there is more to do is the search's to say."""
        super().set_state({**state, "finished": False})


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
