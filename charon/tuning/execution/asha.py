"""Stopping unpromising trials of a search: successive halving over tasks."""

from collections.abc import Iterable
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

from charon.tuning.sampling.optuna_trials import ScoresOfTrial
from charon.tuning.study.selection_rules import grace_tasks

HALVING = 2
"""Of the trials that reach a rung, one in two goes on."""


def num_brackets(num_tasks: int) -> int:
    """Return Hyperband's brackets: one a rung, which judges from there on, and one that never does.

    Of 6 tasks with rungs after 2 and 4 there are three: a trial of the first is judged at both,
    of the second at 4 only, and of the third at none.
    """
    rungs, milestone = 0, grace_tasks(num_tasks)
    while milestone < num_tasks:
        rungs, milestone = rungs + 1, milestone * HALVING
    return rungs + 1


class TaskHalving(AsyncHyperBandScheduler):  # type: ignore[misc]
    """ASHA, or Hyperband, whose time is tasks and whose rungs survive an interruption.

    Differs: Ray's own writes end scores into the lower rungs and starts with empty rungs
    after a restore, which stops nearly everything; it stops the starting point too; and it
    draws a trial's bracket by chance, where here the trials take turns by their numbers.
    """

    def __init__(self, num_tasks: int, scores: Iterable[ScoresOfTrial], brackets: int = 1) -> None:
        """Prepare the rungs.

        Args:
            num_tasks: tasks of the stream.
            scores: what earlier trials scored after each task; fills the rungs. Those that
                were stopped stay so.
            brackets: 1 for ASHA, :func:`num_brackets` for Hyperband.
        """
        super().__init__(
            time_attr="training_iteration",
            metric="score",
            mode="max",
            max_t=num_tasks,
            grace_period=grace_tasks(num_tasks),
            reduction_factor=HALVING,
            brackets=brackets,
        )
        scores = list(scores)
        self._stopped = {trial.ray_trial for trial in scores if trial.is_stopped}
        for trial in scores:
            for milestone, recorded in self._bracket(trial.number)._rungs:
                if int(milestone) in trial.by_task:
                    recorded[trial.ray_trial] = trial.by_task[int(milestone)]

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Take a trial in; its number says which bracket judges it, so nothing is drawn."""
        self._trial_info[trial.trial_id] = self._bracket(trial.config["trial"]["number"])

    def _bracket(self, number: int) -> Any:
        return self._brackets[number % len(self._brackets)]

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Return the next trial, after ending those that were stopped before an interruption.

        Ray's snapshot may be older than their stop, and they would run again and could win.
        """
        for trial in tune_controller.get_trials():
            if trial.trial_id in self._stopped:
                tune_controller.stop_trial(trial)
        return super().choose_trial_to_run(tune_controller)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Record the score; stop the trial if it is in the lower half, unless it is the start."""
        decision: str = super().on_trial_result(tune_controller, trial, result)
        is_exempt = trial.config["trial"].get("is_start") and result["task"] < result["num_tasks"]
        return TrialScheduler.CONTINUE if is_exempt else decision

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Record nothing: an end score does not belong into a lower rung."""
        self._trial_info.pop(trial.trial_id, None)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Forget a trial that never ran."""
        self._trial_info.pop(trial.trial_id, None)
