"""Stopping unpromising trials of a search: successive halving over tasks."""

from collections.abc import Mapping
from typing import Any

from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler


def grace_tasks(num_tasks: int) -> int:
    """Return after how many tasks the first trial may be stopped: 2 of 6, 3 of 12.

    After the first task nothing can have been forgotten yet.
    """
    return max(1, min(num_tasks, 2 if num_tasks <= 8 else 3))


class TaskHalving(AsyncHyperBandScheduler):  # type: ignore[misc]
    """ASHA whose time is tasks and whose rungs survive an interruption.

    Differs: Ray's own writes end scores into the lower rungs and starts with empty rungs
    after a restore, which stops nearly everything; and it stops the starting point too.
    """

    def __init__(self, num_tasks: int, scores: Mapping[str, Mapping[int, float]]) -> None:
        """Prepare the rungs.

        Args:
            num_tasks: tasks of the stream.
            scores: what earlier trials scored after each task, by trial; fills the rungs.
        """
        super().__init__(
            time_attr="training_iteration",
            metric="score",
            mode="max",
            max_t=num_tasks,
            grace_period=grace_tasks(num_tasks),
            reduction_factor=2,
        )
        for milestone, recorded in self._brackets[0]._rungs:
            for trial_id, by_task in scores.items():
                if int(milestone) in by_task:
                    recorded[trial_id] = by_task[int(milestone)]

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Take a trial in; there is one bracket, so nothing is drawn."""
        self._trial_info[trial.trial_id] = self._brackets[0]

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
