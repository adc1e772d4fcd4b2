"""Ray's schedulers: which trial starts next, and which one a search stops early."""

from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from charon.tuning.records.halving import Halving, stops
from charon.tuning.records.journal import Journal


class InOrder(FIFOScheduler):  # type: ignore[misc]
    """Starts trials in the order of the study.

    Ray's own scheduler does too, but looks through all trials that there have ever been, each time.
    """

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Return the first trial that waits, a paused one last; None if none does."""
        live = tune_controller.get_live_trials()
        waiting = [trial for trial in live if trial.status in (Trial.PENDING, Trial.PAUSED)]
        return min(waiting, key=_place, default=None)


def _place(trial: Any) -> tuple[bool, int, str]:
    """Return what sorts trials: their ids end in their places, with zeros before them."""
    name = trial.config["trial"]["id"]
    return trial.status == Trial.PAUSED, len(name), name


class TaskHalving(InOrder):
    """Stops trials by a :class:`~charon.tuning.records.halving.Halving` over tasks."""

    def __init__(self, journal: Journal, halving: Halving) -> None:
        """Judge the trials of a search."""
        super().__init__()
        self._journal, self._halving = journal, halving

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Stop the trial if it is in the lower half of a rung."""
        name, number = trial.config["trial"]["id"], trial.config["trial"]["number"]
        if not self._halving.is_judged(number, result["task"]):
            return str(TrialScheduler.CONTINUE)
        earlier = self._halving.earlier(self._journal, name, result["task"])
        is_stopped = stops(result[f"metrics/{self._halving.objective}"], list(earlier.values()))
        return str(TrialScheduler.STOP if is_stopped else TrialScheduler.CONTINUE)
