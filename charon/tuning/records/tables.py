"""The tables of a study: ``trials.csv``, one row a trial, and ``curves.csv``, one a task.

Both are made from the journal, whole, and replaced atomically, so they are complete at any
moment, after an interruption too.
"""

import csv
import io
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from charon.files import write_text
from charon.settings import Value
from charon.tuning.records.journal import Journal, TrialRecord

EVERY_SECONDS = 2.0
"""Shortest time between two rewritings while trials report."""


class Tables:
    """Writes the tables of a study into its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last = 0.0

    def write(self, journal: Journal, *, at_once: bool = True) -> None:
        """Write both tables; without ``at_once`` only if the last time is a while ago.

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
    """Return one row a trial: what it was, how it ended, and its final metrics.

    Metrics are empty unless all tasks were learned, and only a search's trials have a number.
    ``started`` and ``ended`` are seconds since the epoch; ``seconds`` are those of the tasks
    alone, without waiting and interruptions.
    """
    metrics = _names(record.final for record in records)
    fields = _field_names(records)
    has_numbers = any(record.number is not None for record in records)
    rows = []
    for record in records:
        row: dict[str, Value] = {
            "trial_id": record.trial_id,
            "name": record.label,
            **({"number": record.number} if has_numbers else {}),
            "status": record.status,
            "tasks_seen": record.tasks_seen,
            "num_tasks": record.num_tasks or None,
            "seconds": round(record.seconds, 3),
            "started": round(record.started, 3) or None,
            "ended": round(record.ended, 3) or None,
            "error": record.error or None,
        }
        rows.append({**row, **record.fields, **record.final})
    about = ["learner", "seed", "status", "tasks_seen", "num_tasks"]
    name = ["trial_id", "name", "number"] if has_numbers else ["trial_id", "name"]
    first = [*name, *about, "seconds", "started", "ended"]
    return _table([*first, *[f for f in fields if f not in first], *metrics, "error"], rows)


def curves_csv(records: Sequence[TrialRecord]) -> str:
    """Return one row a trial and task: what the trial was, and its metrics at that step."""
    metrics = _names(metrics for record in records for metrics in record.curve.values())
    fields = _field_names(records)
    rows = []
    for record in records:
        about: dict[str, Value] = {
            "trial_id": record.trial_id,
            "name": record.label,
            "status": record.status,
            **record.fields,
        }
        for task, at_task in record.curve.items():
            rows.append({**about, "task": task, **at_task})
    first = ["trial_id", "name", "learner", "seed", "status", "task"]
    return _table([*first, *[f for f in fields if f not in first], *metrics], rows)


def _field_names(records: Iterable[TrialRecord]) -> list[str]:
    return list(dict.fromkeys(name for record in records for name in record.fields))


def _names(rows: Iterable[Mapping[str, float]]) -> list[str]:
    return sorted({name for row in rows for name in row})


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: "" if value is None else value for name, value in row.items()})
    return text.getvalue()
