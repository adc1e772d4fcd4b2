"""Early stopping of a search's trials: successive halving over tasks, computed from the journal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from charon.tuning.records.journal import Journal
from charon.tuning.study.selection_rules import grace_tasks


def stops(percent: float, earlier: Sequence[float]) -> bool:
    """Whether a trial is stopped at a rung: its accuracy is below the median of those before it.

    Source: asynchronous successive halving (Li et al., 2020), as Ray's ASHA computes it.
    """
    return bool(earlier) and percent < float(np.percentile(earlier, 50))


@dataclass(frozen=True)
class Halving:
    """ASHA, or Hyperband, whose time is tasks and whose rungs stand in the journal.

    Who reached a rung before whom is the order of the reports, so a trial that reports again
    after an interruption is judged as it was.

    Differs: Ray's own writes end scores into the lower rungs, has empty rungs after an
    interruption, stops the search's start too, and draws a trial's bracket by chance; here the
    trials take turns by their numbers.

    Attributes:
        objective: the accuracy by which trials are judged, percent.
        num_tasks: of the stream.
        is_hyperband: whether trials take turns in brackets.
    """

    objective: str
    num_tasks: int
    is_hyperband: bool = False

    @property
    def rungs(self) -> list[int]:
        """After how many tasks trials are judged: after 2 and 4 of 6, 3 and 6 of 12."""
        rungs = (grace_tasks(self.num_tasks) * 2**rung for rung in range(self.num_tasks))
        return [task for task in rungs if task < self.num_tasks]

    @property
    def num_brackets(self) -> int:
        """1 of ASHA. Of Hyperband one a rung, which judges from there on, and one that never does:
        of 6 tasks a trial of the first bracket is judged after 2 and 4, of the second after 4
        only, and of the third never.
        """
        return len(self.rungs) + 1 if self.is_hyperband else 1

    def is_judged(self, number: int, task: int) -> bool:
        """Whether the trial of that number is judged after so many tasks; the start never is."""
        return number > 0 and task in self.rungs[number % self.num_brackets :]

    def earlier(self, journal: Journal, trial: str, task: int) -> dict[str, float]:
        """Return the accuracy of those of a trial's bracket that reported the task before it."""
        bracket = (journal.trials[trial].number or 0) % self.num_brackets
        found: dict[str, float] = {}
        for event in journal.of_kind("report"):
            if event["task"] != task:
                continue
            if event["trial"] == trial:
                break
            if (journal.trials[event["trial"]].number or 0) % self.num_brackets == bracket:
                found.setdefault(event["trial"], event["metrics"][self.objective])
        return found
