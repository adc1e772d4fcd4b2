"""MLflow's metrics, made from the journal's events and trials.

After a task, a trial's metrics have the number of tasks seen as their step, and those under
``epoch/`` the number of epochs, counted over all tasks and phases.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mlflow.entities import Metric

from charon.tuning.records.journal import FINISHED, TrialRecord

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


def study_metrics(records: Iterable[TrialRecord], until: float) -> list[Metric]:
    """Return the best and the mean FAA of the trials that had finished at a time.

    Their step is the number of these trials and their time that of the last, so that whoever
    sends them again sends the same.
    """
    finished = [r for r in records if r.status == FINISHED and r.ended <= until]
    values = [faa for faa in map(faa_of, finished) if faa is not None]
    if not values:
        return []
    found = {"best_faa": max(values), "mean_faa": sum(values) / len(values)}
    return at_step(found, max(record.ended for record in finished), len(values))


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
