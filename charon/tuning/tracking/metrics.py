"""MLflow's metrics, made from the journal's events and trials.

After a task, a trial's metrics have the number of tasks seen as their step, and those under
``epoch/`` the number of epochs, counted over all tasks and phases.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlflow.entities import Metric

from charon.tuning.records.journal import FINISHED, Journal, TrialRecord

AT_ONCE = 800
"""Metrics in a call, which takes 1000 things of all kinds."""


def report_metrics(event: Mapping[str, Any]) -> list[Metric]:
    """Return the metrics of a ``report``: those after the task, then those of its epochs.

    MLflow's page lists them in this order.
    """
    epochs = event.get("epochs") or {"first": 1, "means": {}}  # older journals have none
    of_epochs = [
        Metric(f"epoch/{name}", value, milliseconds(event["time"]), step)
        for name, values in epochs["means"].items()
        for step, value in enumerate(values, start=epochs["first"])
        if value is not None
    ]
    return [*at_step(event["metrics"], event["time"], event["task"]), *of_epochs]


def final_metrics(record: TrialRecord) -> dict[str, float]:
    """Return the metrics of a finished trial under ``final/``, without those of single tasks."""
    prefixes = {"test": "", "val": "", "train": "", "memory": "memory_"}
    final = {}
    for name, value in record.final.items():
        part, _, rest = name.partition("/")
        if part in prefixes and "/" not in rest:
            final[f"final/{prefixes[part]}{rest}"] = value
    return final


def faa_of(record: TrialRecord) -> float | None:
    """Return the FAA of a finished trial, percent, on the clips on which it was evaluated."""
    return record.final.get("test/faa", record.final.get("val/faa"))


def at_step(values: Mapping[str, float], time: float, step: int) -> list[Metric]:
    """Return metrics with a step, and a time in seconds since the epoch."""
    return [Metric(name, value, milliseconds(time), step) for name, value in values.items()]


def portions(metrics: Sequence[Metric]) -> Iterator[Sequence[Metric]]:
    """Yield the metrics in portions that a call takes, the first of them last.

    Whoever finds these in MLflow knows that it has all.
    """
    for start in reversed(range(0, max(1, len(metrics)), AT_ONCE)):
        yield metrics[start : start + AT_ONCE]


def milliseconds(seconds: float) -> int:
    """Return a time as MLflow counts it."""
    return int(seconds * 1000)


class Standing:
    """The best and the mean FAA of a study's finished trials, as its journal goes on."""

    def __init__(self, journal: Journal) -> None:
        """Begin with no event."""
        self._journal, self._position = journal, 0
        self._best, self._total, self._number = -math.inf, 0.0, 0
        self._after: dict[str, list[Metric]] = {}

    def after(self, trial: str) -> list[Metric]:
        """Return the metrics of the study once a trial had finished, which the journal has.

        Their step is the number of trials that had, and their time that of the last. They are the
        same whenever they are asked for, so that whoever sends them again sends the same.
        """
        while trial not in self._after:
            event = self._journal.events[self._position]
            self._position += 1
            if event["kind"] == "end" and event["outcome"] == FINISHED:
                self._after[event["trial"]] = self._take(event)
        return self._after[trial]

    def _take(self, event: Mapping[str, Any]) -> list[Metric]:
        faa = faa_of(self._journal.trials[event["trial"]])
        if faa is None:
            return []
        self._best, self._number = max(self._best, faa), self._number + 1
        self._total += faa
        found = {"best_faa": self._best, "mean_faa": self._total / self._number}
        return at_step(found, event["time"], self._number)
