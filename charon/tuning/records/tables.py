"""The tables of a study: ``trials.csv``, a row per trial, and ``curves.csv``, a row per task.

Both are made from the whole journal and replaced atomically, so they are always complete.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from charon.files import csv_text, write_text
from charon.settings import Value
from charon.tuning.records.journal import Journal, TrialRecord


def write_tables(folder: Path, journal: Journal) -> None:
    """Write both tables into a study's folder.

    Raises:
        OSError: the folder cannot be written.
    """
    records = list(journal.trials.values())
    write_text(folder / "trials.csv", trials_csv(records))
    write_text(folder / "curves.csv", curves_csv(records))


def trials_csv(records: Sequence[TrialRecord]) -> str:
    """Return a row per trial: its fields, status and final metrics.

    Metrics are empty unless all tasks were learned. Only a search's trials have a number, only
    those of its confirm stage a role. ``started`` and ``ended`` are seconds since the epoch;
    ``seconds`` counts the tasks, without waiting or interruptions.
    """
    rows: list[dict[str, Value]] = [
        {
            **_about(record),
            "number": record.number,
            "role": record.role,
            "tasks_seen": record.tasks_seen,
            "num_tasks": record.num_tasks or None,
            "seconds": round(record.seconds, 3),
            "started": round(record.started, 3) or None,
            "ended": round(record.ended, 3) or None,
            "error": record.error or None,
            **record.final,
        }
        for record in records
    ]
    name = ["trial_id", "name"]
    name += ["number"] if any(record.number is not None for record in records) else []
    name += ["role"] if any(record.role for record in records) else []
    about = ["learner", "seed", "status", "tasks_seen", "num_tasks", "seconds", "started", "ended"]
    metrics = {metric for record in records for metric in record.final}
    return _table([*name, *about, *_fields(records), *sorted(metrics), "error"], rows)


def curves_csv(records: Sequence[TrialRecord]) -> str:
    """Return a row per trial and task: the trial's fields, and its metrics after the task."""
    rows: list[dict[str, Value]] = [
        {**_about(record), "task": task, **metrics}
        for record in records
        for task, metrics in record.curve.items()
    ]
    metrics = {
        metric for record in records for at_task in record.curve.values() for metric in at_task
    }
    about = ["trial_id", "name", "learner", "seed", "status", "task"]
    return _table([*about, *_fields(records), *sorted(metrics)], rows)


def _about(record: TrialRecord) -> dict[str, Value]:
    about = {"trial_id": record.trial_id, "name": record.label, "status": record.status}
    return {**about, **record.fields}


def _fields(records: Iterable[TrialRecord]) -> list[str]:
    return [name for record in records for name in record.fields]


def _table(columns: Sequence[str], rows: Iterable[Mapping[str, Value]]) -> str:
    """Return rows as CSV; of a column that is named twice the first counts."""
    names = list(dict.fromkeys(columns))
    return csv_text([names, *([row.get(name) for name in names] for row in rows)])
