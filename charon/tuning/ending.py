"""When a study is over, and how long it has run."""

from collections.abc import Iterable, Mapping
from typing import Any

from charon.tuning.journal import FAILED, FINISHED, LOST, PRUNED, Journal

EXTENDED, TIME_UP, EXHAUSTED = "extended", "time_up", "exhausted"
"""Kinds of events: trials were added to a search that was over; its hours were used up; it was
suggested nothing more that can be run."""


def spent_seconds(events: Iterable[Mapping[str, Any]]) -> float:
    """Return the wall seconds a study has run, in all its sittings since it was extended."""
    total, began, last = 0.0, None, 0.0
    for event in events:
        if event["kind"] == EXTENDED:
            total, began = 0.0, None
        elif event["kind"] == "study":
            total += last - began if began is not None else 0.0
            began = event["time"]
        last = event["time"]
    return total + (last - began if began is not None else 0.0)


def is_over(journal: Journal, num_trials: int) -> bool:
    """Whether a study has come to its end: all its trials, or all that there could be."""
    statuses = [record.status for record in journal.trials.values() if record.status != LOST]
    if any(status not in (FINISHED, PRUNED, FAILED) for status in statuses):
        return False
    kinds = [event["kind"] for event in journal.events]
    last = next((kind for kind in reversed(kinds) if kind in ("study", TIME_UP, EXHAUSTED)), "")
    return len(statuses) >= num_trials or last in (TIME_UP, EXHAUSTED)
