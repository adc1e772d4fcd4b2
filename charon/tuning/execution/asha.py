"""Early stopping of a search's trials: successive halving over tasks, computed from the journal."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from charon.tuning.records.journal import Journal
from charon.tuning.study.objectives import score
from charon.tuning.study.selection_rules import grace_tasks


def stops(score: float, earlier: Sequence[float]) -> bool:
    """Whether a trial is stopped at a rung: it scores below the median of those before it.

    Source: asynchronous successive halving (Li et al., 2020), as Ray's ASHA computes it.
    """
    return bool(earlier) and score < float(np.percentile(earlier, 50))


class TaskHalving(FIFOScheduler):  # type: ignore[misc]
    """ASHA, or Hyperband, whose time is tasks and whose rungs stand in the journal.

    Who reached a rung before whom is the order of the reports, so a trial that reports again
    after an interruption is judged as it was.

    Differs: Ray's own writes end scores into the lower rungs, has empty rungs after an
    interruption, stops the search's start too, and draws a trial's bracket by chance; here the
    trials take turns by their numbers.

    Attributes:
        rungs: after how many tasks trials are judged: after 2 and 4 of 6, 3 and 6 of 12.
        num_brackets: 1 of ASHA. Of Hyperband one a rung, which judges from there on, and one that
            never does: of 6 tasks a trial of the first bracket is judged after 2 and 4, of the
            second after 4 only, and of the third never.
    """

    def __init__(
        self, journal: Journal, objective: str, num_tasks: int, *, is_hyperband: bool = False
    ) -> None:
        """Judge a search's trials by the accuracy ``objective``."""
        super().__init__()
        self._journal, self._objective = journal, objective
        rungs = (grace_tasks(num_tasks) * 2**rung for rung in range(num_tasks))
        self.rungs = [task for task in rungs if task < num_tasks]
        self.num_brackets = len(self.rungs) + 1 if is_hyperband else 1

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Stop the trial if it is in the lower half of a rung, unless it is the search's start."""
        name, number = trial.config["trial"]["id"], trial.config["trial"]["number"]
        task, bracket = result["task"], number % self.num_brackets
        if number == 0 or task not in self.rungs[bracket:]:
            return str(TrialScheduler.CONTINUE)
        earlier: dict[str, float] = {}  # by those in the bracket that reported the task before
        for event in self._journal.of_kind("report"):
            if event["task"] != task:
                continue
            if event["trial"] == name:
                break
            other = self._journal.trials[event["trial"]].number or 0
            if other % self.num_brackets == bracket:
                percent = event["metrics"][self._objective]
                earlier.setdefault(event["trial"], score(task, event["num_tasks"], percent))
        now = score(task, result["num_tasks"], result[f"metrics/{self._objective}"])
        is_stopped = stops(now, list(earlier.values()))
        return str(TrialScheduler.STOP if is_stopped else TrialScheduler.CONTINUE)
