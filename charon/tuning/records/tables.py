"""The tables of a study: ``trials.csv``, a row per trial, and ``curves.csv``, a row per task.

Both are made from the whole journal and replaced atomically, so they are always complete.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from charon.files import csv_text, write_text
from charon.settings import Value
from charon.tuning.records.journal import Journal, TrialRecord

Row = tuple[TrialRecord, Mapping[str, Value], Mapping[str, float]]
"""A trial, what else is known of it, and its metrics."""


def write_tables(folder: Path, journal: Journal) -> None:
    """Write both tables into a study's folder.

    Raises:
        OSError: the folder cannot be written.
    """
    write_text(folder / "trials.csv", trials_csv(journal.records))
    write_text(folder / "curves.csv", curves_csv(journal.records))


def trials_csv(records: Sequence[TrialRecord]) -> str:
    """Return a row per trial: its fields, status and final metrics.

    Metrics are empty unless all tasks were learned. Only a search's trials have a number, only
    those of its confirm stage a role. ``started`` and ``ended`` are seconds since the epoch;
    ``seconds`` counts the tasks, without waiting or interruptions.
    """
    rows: list[Row] = []
    for record in records:
        known: dict[str, Value] = {
            "number": record.number,
            "role": record.role,
            "tasks_seen": record.tasks_seen,
            "num_tasks": record.num_tasks or None,
            "seconds": round(record.seconds, 3),
            "started": round(record.started, 3) or None,
            "ended": round(record.ended, 3) or None,
            "error": record.error or None,
        }
        rows.append((record, known, record.final))
    number = ["number"] if any(record.number is not None for record in records) else []
    role = ["role"] if any(record.role for record in records) else []
    about = ["learner", "seed", "status", "tasks_seen", "num_tasks", "seconds", "started", "ended"]
    return _table(records, ["trial_id", "name", *number, *role, *about], rows, ["error"])


def curves_csv(records: Sequence[TrialRecord]) -> str:
    """Return a row per trial and task: the trial's fields, and its metrics after the task."""
    rows: list[Row] = [
        (record, {"task": task}, metrics)
        for record in records
        for task, metrics in record.curve.items()
    ]
    return _table(records, ["trial_id", "name", "learner", "seed", "status", "task"], rows)


def _table(
    records: Iterable[TrialRecord], first: list[str], rows: Sequence[Row], last: Sequence[str] = ()
) -> str:
    """Return rows as CSV: the first columns, all other fields and metrics, the last columns."""
    fields = [name for record in records for name in record.fields]
    metrics = {metric for _, _, measured in rows for metric in measured}
    names = list(dict.fromkeys([*first, *fields, *sorted(metrics), *last]))
    lines: list[list[Value]] = [[*names]]
    for record, known, measured in rows:
        about = {"trial_id": record.trial_id, "name": record.label, "status": record.status}
        row = {**about, **record.fields, **known, **measured}
        lines.append([row.get(name) for name in names])
    return csv_text(lines)
