"""Completion of a study, and the time it has run."""

from collections.abc import Iterable, Mapping
from typing import Any

from charon.tuning.records.journal import Journal

EXTENDED, TIME_UP, EXHAUSTED = "extended", "time_up", "exhausted"
"""Kinds of events: trials were added to a search that was over; its hours were used up; its
space has nothing left to suggest."""

WORK = ("trial", "refused", "start", "report", "end", TIME_UP, EXHAUSTED)
"""Kinds of events while trials are suggested and learned, not of what follows."""


def spent_seconds(events: Iterable[Mapping[str, Any]]) -> float:
    """Return the wall seconds a study has run since it was last extended, over all its runs.

    Each run counts until the last event of its trials, without the confirm stage.
    """
    total, began, last = 0.0, 0.0, 0.0
    for event in events:
        if event["kind"] == EXTENDED:
            total, began, last = 0.0, event["time"], event["time"]
        elif event["kind"] == "study":
            total += last - began
            began = last = event["time"]
        elif event["kind"] in WORK:
            last = event["time"]
    return total + last - began


def is_over(journal: Journal, num_trials: int) -> bool:
    """Whether all trials of a study are over, or all that its time or space allowed."""
    if len(journal.over) < len(journal.trials):
        return False
    kinds = (event["kind"] for event in reversed(journal.events))
    last = next((kind for kind in kinds if kind in ("study", TIME_UP, EXHAUSTED)), "")
    return len(journal.trials) >= num_trials or last in (TIME_UP, EXHAUSTED)
