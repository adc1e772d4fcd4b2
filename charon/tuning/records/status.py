"""Status of a study, running or not, read from its folder."""

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charon.errors import CheckpointError
from charon.text import counted
from charon.tuning.records.heartbeat import Beat, read_beat
from charon.tuning.records.journal import (
    FAILED,
    INTERRUPTED,
    OVER,
    RUNNING,
    Journal,
    TrialRecord,
    is_over,
)
from charon.tuning.records.plan import Plan, read_plan


@dataclass(frozen=True)
class Status:
    """What a study has done and has still to do.

    Attributes:
        plan: of the study.
        state: ``"running"``, ``"finished"``, ``"failed"`` or ``"interrupted"``.
        trials: by label in the journal's order, as :class:`TrialRecord`.
        journal: of the study, from which the trials are.
        beats: of the running trials that have one, by trial id.
        num_left: trials that are not over.
    """

    plan: Plan
    state: str
    trials: list[TrialRecord]
    journal: Journal
    beats: dict[str, Beat]
    num_left: int

    def counts(self) -> dict[str, int]:
        """Return the number of trials of each status there is."""
        names = [record.status for record in self.trials]
        return {name: names.count(name) for name in dict.fromkeys(names)}

    def as_json(self) -> dict[str, Any]:
        """Return the status for scripts."""
        trials = []
        for record in self.trials:
            beat = self.beats.get(record.trial_id)
            trials.append(
                {
                    "id": record.trial_id,
                    "label": record.label,
                    "status": record.status,
                    "tasks_seen": record.tasks_seen,
                    "num_tasks": record.num_tasks or None,
                    "seconds": round(record.seconds, 3),
                    "metrics": record.latest,
                    "error": record.error,
                    "hung": record.hung,
                    "progress": None if beat is None else beat._asdict(),
                }
            )
        return {
            "study": self.plan.name,
            "title": self.plan.title,
            "state": self.state,
            "planned": self.plan.num_trials,
            "left": self.num_left,
            "counts": self.counts(),
            "trials": trials,
        }


def hung_sentence(records: Sequence[TrialRecord]) -> str:
    """Return which trials hung, for people; empty if none did."""
    names = [f"{r.label} ({r.hung} times)" if r.hung > 1 else r.label for r in records if r.hung]
    if not names:
        return ""
    return f"Hung, ended and started again: {counted(len(names), 'trial')}: {', '.join(names)}."


def read_status(folder: Path) -> Status:
    """Read the status of the study in ``folder``; a running study is not disturbed.

    Raises:
        CheckpointError: the folder holds no study.
    """
    plan = read_plan(folder)
    if plan is None:
        raise CheckpointError(f"{folder} holds no study; name a folder such as results/NAME.")
    journal = Journal(folder / "journal.jsonl")
    records = list(journal.trials.values())
    running = is_locked(folder)
    if not running:  # a driver that was killed has not said so
        records = [
            replace(record, status=INTERRUPTED) if record.status == RUNNING else record
            for record in records
        ]
    if running:
        state = "running"
    elif not is_over(journal, plan.num_trials):
        state = "interrupted"
    else:
        state = "failed" if any(record.status == FAILED for record in records) else "finished"
    beats = {}
    for record in records:
        beat = read_beat(folder / "progress" / f"{record.trial_id}.json")
        if running and record.status == RUNNING and beat and beat.task > record.tasks_seen:
            beats[record.trial_id] = beat
    over = sum(record.status in OVER for record in records)
    left = 0 if state in ("finished", "failed") else max(0, plan.num_trials - over)
    return Status(plan, state, records, journal, beats, left)


def is_locked(folder: Path) -> bool:
    """Whether a process is at work on the study in ``folder``."""
    try:
        lock = os.open(folder.with_name(f".{folder.name}.lock"), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
    return False
