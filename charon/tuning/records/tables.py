"""The tables of a study: ``trials.csv``, a row per trial, and ``curves.csv``, a row per task.

Both are made from the whole journal and replaced atomically, so they are always complete.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from charon.files import csv_text, write_text
from charon.settings import Value
from charon.tuning.records.journal import Journal, TrialRecord

EVERY_SECONDS = 2.0
"""Shortest time between two updates while trials report."""


class Tables:
    """Writer of a study's tables."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = 0.0

    def write(self, journal: Journal, *, at_once: bool = True) -> None:
        """Write both tables; unless ``at_once`` only if the last update is old enough.

        Raises:
            OSError: the folder cannot be written.
        """
        if not at_once and time.monotonic() - self._last < EVERY_SECONDS:
            return
        records = list(journal.trials.values())
        write_text(self._folder / "trials.csv", trials_csv(records))
        write_text(self._folder / "curves.csv", curves_csv(records))
        self._last = time.monotonic()


def trials_csv(records: Sequence[TrialRecord]) -> str:
    """Return a row per trial: its fields, status and final metrics.

    Metrics are empty unless all tasks were learned. Only a search's trials have a number, only
    those of its confirm stage a role. ``started`` and ``ended`` are seconds since the epoch;
    ``seconds`` counts the tasks, without waiting or interruptions.
    """
    metrics = _names(record.final for record in records)
    fields = _field_names(records)
    name = ["trial_id", "name"]
    name += ["number"] if any(record.number is not None for record in records) else []
    name += ["role"] if any(record.role for record in records) else []
    rows = []
    for record in records:
        row: dict[str, Value] = {
            **_about(record),
            "number": record.number,
            "role": record.role,
            "tasks_seen": record.tasks_seen,
            "num_tasks": record.num_tasks or None,
            "seconds": round(record.seconds, 3),
            "started": round(record.started, 3) or None,
            "ended": round(record.ended, 3) or None,
            "error": record.error or None,
        }
        rows.append({**row, **record.final})
    about = ["learner", "seed", "status", "tasks_seen", "num_tasks"]
    first = [*name, *about, "seconds", "started", "ended"]
    return _table([*first, *[f for f in fields if f not in first], *metrics, "error"], rows)


def curves_csv(records: Sequence[TrialRecord]) -> str:
    """Return a row per trial and task: the trial's fields, and its metrics after the task."""
    metrics = _names(metrics for record in records for metrics in record.curve.values())
    fields = _field_names(records)
    rows = []
    for record in records:
        for task, at_task in record.curve.items():
            rows.append({**_about(record), "task": task, **at_task})
    first = ["trial_id", "name", "learner", "seed", "status", "task"]
    return _table([*first, *[f for f in fields if f not in first], *metrics], rows)


def _about(record: TrialRecord) -> dict[str, Value]:
    about = {"trial_id": record.trial_id, "name": record.label, "status": record.status}
    return {**about, **record.fields}


def _field_names(records: Iterable[TrialRecord]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record.fields))


def _names(rows: Iterable[Mapping[str, float]]) -> list[str]:
    return sorted({name for row in rows for name in row})


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> str:
    return csv_text([columns, *([row.get(name) for name in columns] for row in rows)])
