"""The trials of a study as Ray is given them: each has an entry in the journal first.

A search runs those that go on, then new ones. How many there are is decided here, not by Ray.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from charon.settings import Value
from charon.tuning.execution.trainable import TrialContext, trial_config
from charon.tuning.records.journal import EXHAUSTED, PENDING, TIME_UP, Journal
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

    def waiting(self) -> list[dict[str, Any]]:
        """Return what Ray gives to the trials that are still to run, or to go on."""
        pending = (record for record in self.journal.records if record.status == PENDING)
        return [trial_config(self.context, record) for record in pending]


class StudySearch(Searcher):  # type: ignore[misc]
    """Hands out what is given to each trial, as ``config["trial"]``.

    ``ended_by`` is the kind of event that ended the search before it had all its trials, if any.
    """

    def __init__(
        self,
        entries: Entries,
        suggest: Callable[[], str | None],
        num_trials: int,
        deadline: float = math.inf,
    ) -> None:
        """Prepare a sitting of the search, in which the pending entries go on first.

        ``suggest`` enters the next trial and returns its id; None where none can be run. Trials of
        earlier sittings count among the ``num_trials``. After the deadline, of the clock that is
        never set, no trial is suggested but the first.
        """
        super().__init__()
        self.ended_by = ""
        self._entries, self._suggest = entries, suggest
        self._waiting = entries.waiting()
        self._num_trials, self._deadline = num_trials, deadline

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """Return the configuration of the next trial, or that there is none."""
        if self._waiting:
            return {"trial": self._waiting.pop(0)}
        trials = self._entries.journal.trials
        if len(trials) < self._num_trials:
            if trials and time.monotonic() >= self._deadline:
                self.ended_by = TIME_UP
            elif name := self._suggest():
                return {"trial": trial_config(self._entries.context, trials[name])}
            else:
                self.ended_by = EXHAUSTED
        return str(Searcher.FINISHED)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Do nothing: the next suggestion is made from the journal."""
