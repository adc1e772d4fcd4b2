"""A search's trials in Optuna's database: none is told twice or lost, whatever interrupts it.

After an interruption the database is never older than the journal, nor that than Ray's snapshot.
The trials count that the journal says have ended, and those that Ray goes on with; others were
lost with the driver, and open ones are closed. One that failed and goes on is opened anew, for
Optuna ends a trial only once.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from charon.settings import Value
from charon.tuning.records.folder import ResultsError

RAY_TRIAL = "ray_trial"
"""Attribute of an Optuna trial: Ray's name of it."""

IS_START = "is_start"
"""Attribute of the Optuna trial that is the paper's setting."""

NUMBER = "number"
"""Attribute of an Optuna trial: the number under which it was suggested first."""


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


class OptunaTrials:
    """The trials of an Optuna study by the names that Ray gives them.

    Attributes:
        study: the Optuna study.
        numbers: Optuna's number of each of Ray's trials; of one opened anew the last.
    """

    def __init__(self, study: optuna.Study) -> None:
        """Look after ``study``; nothing is read or written yet."""
        self.study = study
        self.numbers: dict[str, int] = {}
        # An optuna.Trial made anew for a stored one would ask the sampler again; the storage
        # takes what is reported of it without one.
        self._storage = study._storage

    def take_over(self, running: Set[str], ended: Set[str]) -> None:
        """Count the trials of earlier sittings, and close the open ones that were lost.

        Of a trial that was opened anew the last counts.

        Args:
            running: names of those that Ray goes on with.
            ended: names of those that have ended, in the journal. One that Optuna was told
                of just before the driver was killed is lost there, and makes room for another.
        """
        for trial in self._all():
            name = trial.user_attrs.get(RAY_TRIAL, "")
            if trial.state == TrialState.RUNNING and name not in running:
                self.end(trial, TrialState.FAIL)
            if name in running or name in ended:
                self.numbers[name] = trial.number

    def queue_start(self, params: Mapping[str, Value]) -> None:
        """Have these parameters suggested next, unless they wait for it or count already."""
        starts = [trial for trial in self._all() if IS_START in trial.user_attrs]
        if not any(
            trial.state == TrialState.WAITING or trial.user_attrs.get(RAY_TRIAL) in self.numbers
            for trial in starts
        ):
            self.study.enqueue_trial(dict(params), user_attrs={IS_START: True})

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

    def enter(self, trial: optuna.Trial, ray_trial: str) -> None:
        """Count a setting that Ray will run under this name."""
        # The name last: whoever finds it after an interruption finds the number too.
        trial.set_user_attr(NUMBER, trial.number)
        trial.set_user_attr(RAY_TRIAL, ray_trial)
        self.numbers[ray_trial] = trial.number

    def stored(self, ray_trial: str) -> FrozenTrial:
        """Return what the database has of a trial."""
        return self._all()[self.numbers[ray_trial]]

    def opened(self, ray_trial: str) -> FrozenTrial:
        """Return the trial to report to; one that failed and goes on is opened anew."""
        trial = self.stored(ray_trial)
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
        again = self._all()[-1]
        self.numbers[ray_trial] = again.number
        return again

    def report(self, trial: FrozenTrial, task: int, score: float) -> None:
        """Write down a trial's score after a task, once."""
        if not trial.state.is_finished() and task not in trial.intermediate_values:
            self._storage.set_trial_intermediate_value(trial._trial_id, task, score)

    def note(self, trial: FrozenTrial, attribute: str, value: Value) -> None:
        """Write down an attribute of a trial."""
        self._storage.set_trial_user_attr(trial._trial_id, attribute, value)

    def end(self, trial: FrozenTrial, state: TrialState) -> None:
        """Tell that a trial was stopped or has failed."""
        self.study.tell(trial.number, state=state)

    def finish(self, trial: FrozenTrial, values: Sequence[float]) -> None:
        """Tell what a trial has achieved that learned all tasks."""
        self.study.tell(trial.number, values)

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

    def _all(self) -> list[FrozenTrial]:
        trials: list[FrozenTrial] = self.study.get_trials(deepcopy=False)
        return trials
