"""The trials of a study as Ray is given them: each has an entry in the journal first.

A search runs those that go on, then new ones. How many there are is decided here, not by Ray.
What becomes of them need not be told to a searcher: the next suggestion is made from the journal.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from charon.settings import Value
from charon.tuning.execution.trainable import TrialContext, trial_config
from charon.tuning.records.journal import EXHAUSTED, PENDING, TIME_UP, Journal
from charon.tuning.sampling.suggestions import Suggestion
from charon.tuning.session.provenance import repeat_command


@dataclass(frozen=True)
class Entries:
    """Enters trials into the journal, each once, under an id that begins with the study's key.

    ``tags`` are facts that hold for all trials, ``context`` is what each is told beside its run.
    """

    journal: Journal
    key: str
    tags: Mapping[str, str]
    context: TrialContext

    def enter(self, place: int, label: str, fields: Mapping[str, Value], **more: Any) -> str:
        """Enter the trial at a place in the study, from 0, unless it is there; return its id."""
        name = f"{self.key[:5]}_{place:05d}"
        if name not in self.journal.trials:
            command = repeat_command(fields, Path(self.context.cache), self.context.cpus)
            tags = {**self.tags, "command": command}
            self.journal.append("trial", name, label=label, fields=fields, tags=tags, **more)
        return name

    def suggested(self, suggestion: Suggestion) -> dict[str, Any]:
        """Enter what a search was suggested; return what Ray gives to the trial."""
        name = self.enter(suggestion.number, **asdict(suggestion))
        return trial_config(self.context, self.journal.trials[name])

    def waiting(self) -> list[dict[str, Any]]:
        """Return what Ray gives to the trials that are still to run, or to go on."""
        records = self.journal.trials.values()
        return [trial_config(self.context, one) for one in records if one.status == PENDING]


class StudySearch(Searcher):  # type: ignore[misc]
    """Hands out what is given to each trial, as ``config["trial"]``.

    Attributes:
        ended_by: the kind of event that ended the search before it had all its trials; empty
            where nothing did.
    """

    def __init__(
        self,
        entries: Entries,
        suggest: Callable[[], Suggestion | None],
        num_trials: int,
        deadline: float = math.inf,
    ) -> None:
        """Prepare a sitting of the search, in which the pending entries go on first.

        Args:
            entries: of the search.
            suggest: returns a setting to run; None where there is none.
            num_trials: trials in all, those of earlier sittings included.
            deadline: seconds since the epoch after which no trial is suggested but the first.
        """
        super().__init__()
        self.ended_by = ""
        self._entries = entries
        self._waiting = entries.waiting()
        self._suggest = suggest
        self._num_trials = num_trials
        self._deadline = deadline

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Return the configuration of the next trial, or that there is none."""
        if self._waiting:
            return {"trial": self._waiting.pop(0)}
        number = len(self._entries.journal.trials)
        if number >= self._num_trials:
            return str(Searcher.FINISHED)
        if number and time.time() >= self._deadline:
            self.ended_by = TIME_UP
            return str(Searcher.FINISHED)
        suggestion = self._suggest()
        if suggestion is None:
            self.ended_by = EXHAUSTED
            return str(Searcher.FINISHED)
        return {"trial": self._entries.suggested(suggestion)}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Do nothing: the journal has the end of the trial."""
