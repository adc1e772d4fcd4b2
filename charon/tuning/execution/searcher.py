"""What Ray asks a search: the next trial, and what becomes of those that run.

- A trial stopped early never wins: its score ranks below every finished one
  (:func:`charon.tuning.execution.trainable.score`), and Optuna is told PRUNED, without a value.
- Ray does not pass on the report at which a trial is stopped, nor the last one; they are
  reported when the trial completes.
- How many trials there are is decided here, not by Ray, so that a search can be made longer.

What Optuna's database holds of the trials is looked after by
:mod:`charon.tuning.sampling.optuna_trials`, what may be suggested by
:mod:`charon.tuning.sampling.suggestions`.
"""

import math
import pickle
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from ray.tune.search import ConcurrencyLimiter, Searcher
from ray.tune.search.search_generator import SearchGenerator

from charon.settings import Value
from charon.tuning.records.completion import EXHAUSTED, TIME_UP
from charon.tuning.sampling.encoding import Encoding
from charon.tuning.sampling.optuna_trials import OptunaTrials
from charon.tuning.sampling.suggestions import Suggester, Suggestion
from charon.tuning.study.objectives import can_prune


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


class StudySearch(Searcher):  # type: ignore[misc]
    """Suggests complete trial configurations, the paper's setting first.

    Attributes:
        study: the Optuna study.
        trials: those of the study, by Ray's names.
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
        setting: Mapping[str, Any],
    ) -> None:
        """Search ``study``; neither asks nor tells it anything yet.

        Args:
            study: new, or one that goes on.
            encoding: of what is varied.
            start: all fields of the first trial; the fixed ones are those of all trials.
            objectives: metrics, in the order of the study's directions.
            limits: what ends the search.
            setting: what every trial is told beside its run.
        """
        super().__init__()
        self.study = study
        self.trials = OptunaTrials(study)
        self.ended_by = ""
        self.on_suggestion: Callable[[Suggestion], None] = lambda suggestion: None
        self._start = encoding.encode(start)
        self._objectives = tuple(objectives)
        self._limits = limits
        self._setting = dict(setting)
        self._suggester = Suggester(self.trials, encoding, start, limits.budget, limits.bytes_of)
        self._at_once = math.inf
        self._over: set[str] = set()

    def begin(self, running: Set[str], ended: Set[str]) -> None:
        """Begin, or go on with, the search before it is asked for a trial.

        What a crash left is closed, and the start is queued unless it is there.

        Args:
            running: Ray's names of the trials that it goes on with; those that failed run again.
            ended: names of those that have ended, in the journal.
        """
        self.trials.take_over(running, ended)
        self._over = set(ended - running)
        self.trials.queue_start(self._start)

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """Take the number of trials at once; Ray's own count forgets trials that go on."""
        self._at_once = max_concurrent
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next trial's configuration, all of it."""
        number = len(self.trials.numbers)
        if number >= self._limits.num_trials:
            return str(Searcher.FINISHED)
        if number and time.time() >= self._limits.deadline:
            self.ended_by = TIME_UP
            return str(Searcher.FINISHED)
        if number - len(self._over) >= self._at_once:
            return None
        trial = self._suggester.suggest(trial_id, self.on_suggestion)
        if trial is None:
            self.ended_by = EXHAUSTED
            return str(Searcher.FINISHED)
        return {"trial": {**trial, "setting": self._setting}}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Report a task's score to Optuna, once."""
        self._report(self.trials.opened(trial_id), result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tell Optuna how a trial ended: complete, pruned or failed."""
        if trial_id not in self.trials.numbers:
            return
        self._over.add(trial_id)
        if error or not result or "task" not in result:
            trial = self.trials.stored(trial_id)
            if not trial.state.is_finished():
                self.trials.end(trial, TrialState.FAIL)
            return
        trial = self.trials.opened(trial_id)
        if trial.state.is_finished():
            return
        self._report(trial, result)
        if result["task"] < result["num_tasks"]:
            self.trials.end(trial, TrialState.PRUNED)
            return
        for name in self._objectives:
            self.trials.note(trial, name, float(result[f"metrics/{name}"]))
        self.trials.finish(trial, self._values(result))

    def save(self, checkpoint_path: str) -> None:
        """Write what a restored search must know beside Optuna's database."""
        Path(checkpoint_path).write_bytes(pickle.dumps({"sampler": self.study.sampler}))

    def restore(self, checkpoint_path: str) -> None:
        """Continue from a snapshot; which trials there are is said when the search begins."""
        self.study.sampler = pickle.loads(Path(checkpoint_path).read_bytes())["sampler"]

    def _report(self, trial: FrozenTrial, result: Mapping[str, Any]) -> None:
        if can_prune(self._objectives):
            self.trials.report(trial, result["task"], result["score"])

    def _values(self, result: Mapping[str, Any]) -> list[float]:
        """Return what Optuna is told that a finished trial achieved."""
        if can_prune(self._objectives):
            return [float(result["score"])]
        return [float(result[f"metrics/{name}"]) for name in self._objectives]


class LongerSearch(SearchGenerator):  # type: ignore[misc]
    """Ray's side of a search, which may go on where a saved one had come to its end."""

    def __init__(self, search: StudySearch, at_once: int) -> None:
        """Run at most ``at_once`` of its trials at the same time."""
        super().__init__(ConcurrencyLimiter(search, max_concurrent=at_once))

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot; whether there is more to do is the search's to say."""
        super().set_state({**state, "finished": False})
