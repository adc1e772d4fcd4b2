"""The trials of a search in the order in which Ray runs them: those that go on, then new ones.

How many trials there are is decided here, not by Ray. What becomes of them need not be told to
a searcher: the next suggestion is made from the journal.
"""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ray.tune.search import Searcher

from charon.tuning.records.completion import EXHAUSTED, TIME_UP
from charon.tuning.records.journal import Journal
from charon.tuning.sampling.suggestions import Suggestion


@dataclass(frozen=True)
class Limits:
    """What ends a search.

    Attributes:
        num_trials: trials in all, those of earlier sittings included.
        deadline: seconds since the epoch after which no trial is suggested but the first.
    """

    num_trials: int
    deadline: float = math.inf


class StudySearch(Searcher):  # type: ignore[misc]
    """Hands out what is given to each trial, as ``config["trial"]``.

    Attributes:
        ended_by: the kind of event that ended the search before it had all its trials; empty
            where nothing did.
    """

    def __init__(
        self,
        waiting: Iterable[dict[str, Any]],
        journal: Journal,
        limits: Limits,
        suggest: Callable[[], Suggestion | None],
        enter: Callable[[Suggestion], dict[str, Any]],
    ) -> None:
        """Prepare a sitting of the search.

        Args:
            waiting: what is given to the trials that go on.
            journal: has an event for each trial of the search.
            limits: what ends the search.
            suggest: returns a setting to run; None where there is none.
            enter: writes a suggestion into the journal; returns what is given to its trial.
        """
        super().__init__()
        self.ended_by = ""
        self._waiting = list(waiting)
        self._journal = journal
        self._limits = limits
        self._suggest = suggest
        self._enter = enter

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Return the configuration of the next trial, or that there is none."""
        if self._waiting:
            return {"trial": self._waiting.pop(0)}
        number = len(self._journal.trials)
        if number >= self._limits.num_trials:
            return str(Searcher.FINISHED)
        if number and time.time() >= self._limits.deadline:
            self.ended_by = TIME_UP
            return str(Searcher.FINISHED)
        suggestion = self._suggest()
        if suggestion is None:
            self.ended_by = EXHAUSTED
            return str(Searcher.FINISHED)
        return {"trial": self._enter(suggestion)}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Do nothing: the journal has the end of the trial."""
