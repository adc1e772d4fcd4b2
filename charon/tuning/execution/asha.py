"""Ray's scheduler of a search with pruning: it stops what the journal says is to be stopped."""

from typing import Any

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from charon.tuning.records.halving import Halving, stops
from charon.tuning.records.journal import Journal


class TaskHalving(FIFOScheduler):  # type: ignore[misc]
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
