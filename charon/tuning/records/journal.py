"""The journal of a study: one JSON line an event, written by the driver alone.

It is the one truth. The tables, the live view, Optuna's trials and what is sent to MLflow are
made from it, and a study goes on from it, so they agree whatever interrupts the driver.

Kinds of events, each with its ``time`` in seconds since the epoch:

- ``study``: a sitting begins; trials that are neither finished nor pruned wait again.
- ``trial``: a trial is planned, or suggested under a ``number``.
- ``refused``: a search was suggested a setting that is never run.
- ``start``, ``report``, ``end``: of a trial; ``tag`` adds plain facts to it.
- ``extended``, ``time_up``, ``exhausted``, ``study_end``: of the study.

Other kinds are kept and change nothing.
"""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charon.errors import CheckpointError
from charon.settings import Value

FINISHED = "finished"
PRUNED = "pruned"
FAILED = "failed"
INTERRUPTED = "interrupted"
RUNNING = "running"
PENDING = "pending"

OVER = (FINISHED, PRUNED, FAILED)
"""Outcomes of a trial that counts as done; an interrupted one goes on."""


@dataclass
class TrialRecord:
    """What is known about one trial.

    Attributes:
        trial_id: unique in the study, and among studies that share a place in MLflow.
        label: the name a person knows it by, e.g. ``"eta0.60 s5 M500 seed1"``.
        fields: every field of the run by its dotted name.
        status: ``"pending"``, ``"running"``, or how it ended: ``"finished"``, ``"pruned"``,
            ``"failed"`` or ``"interrupted"``.
        num_tasks: tasks of the whole stream; 0 before the first report.
        curve: the metrics by number of tasks seen, in order.
        matrix: the latest accuracy matrix, percent, None where a task is not learned yet.
        started, ended: seconds since the epoch; 0 where it did not happen.
        seconds: wall seconds of the trial's reported tasks together.
        error: one sentence, for a trial that failed.
        number: of a search's trial, the one its name ends in; None in a grid.
        role: which setting of a search the run confirms; empty in other studies.
        tags: plain facts about the run (device, library versions, ...).
    """

    trial_id: str
    label: str
    fields: dict[str, Value]
    status: str = PENDING
    num_tasks: int = 0
    curve: dict[int, dict[str, float]] = field(default_factory=dict)
    matrix: list[list[float | None]] = field(default_factory=list)
    started: float = 0.0
    ended: float = 0.0
    seconds: float = 0.0
    error: str = ""
    number: int | None = None
    role: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def tasks_seen(self) -> int:
        """How many tasks have been learned and reported."""
        return max(self.curve, default=0)

    @property
    def latest(self) -> dict[str, float]:
        """The metrics of the last report; empty before the first."""
        return self.curve[self.tasks_seen] if self.curve else {}

    @property
    def final(self) -> dict[str, float]:
        """The metrics after the last task; empty unless all tasks were learned."""
        return self.latest if self.status == FINISHED else {}


class Journal:
    """Appends events to a file and keeps what they add up to.

    A last line that was cut off is not read. It stays in the file until something is appended:
    another process may be writing it.

    Attributes:
        path: the file.
        trials: what is known of each trial, by its id, in the order of the events.
        events: all events, oldest first.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the journal at ``path``.

        Raises:
            CheckpointError: a line in it is not an event.
        """
        self.path = path
        self.trials: dict[str, TrialRecord] = {}
        self.events: list[dict[str, Any]] = []
        self._cut_off_at: int | None = None
        self._changed = threading.Condition()
        self._ended = False
        if path.exists():
            self._read()

    def _read(self) -> None:
        raw = self.path.read_bytes()
        complete = raw[: raw.rfind(b"\n") + 1]
        if len(complete) < len(raw):
            self._cut_off_at = len(complete)
        for number, line in enumerate(complete.splitlines(), start=1):
            try:
                event = json.loads(line)
                self._apply(event)
            except (ValueError, KeyError, TypeError) as error:
                raise CheckpointError(
                    f"{self.path}: line {number} is not an event of a study; "
                    "move the folder away and start the study anew."
                ) from error
            self.events.append(event)

    @property
    def over(self) -> set[str]:
        """The ids of the trials that count as done."""
        return {name for name, record in self.trials.items() if record.status in OVER}

    def append(self, kind: str, trial: str | None = None, **content: Any) -> None:
        """Write one event to disk, take it into account, and wake those who wait.

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        event: dict[str, Any] = {"kind": kind, "time": time.time(), **content}
        if trial is not None:
            event["trial"] = trial
        with self._changed:
            if self._cut_off_at is not None:
                os.truncate(self.path, self._cut_off_at)
                self._cut_off_at = None
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event, allow_nan=False) + "\n")
            self._apply(event)
            self.events.append(event)
            self._changed.notify_all()

    def _apply(self, event: Mapping[str, Any]) -> None:
        kind = event["kind"]
        if kind == "study":
            for record in self.trials.values():
                if record.status not in (FINISHED, PRUNED):
                    record.status = PENDING
        elif kind == "trial":
            record = TrialRecord(
                event["trial"],
                event["label"],
                event["fields"],
                number=event.get("number"),
                role=event.get("role", ""),
                tags=event["tags"],
            )
            self.trials.setdefault(record.trial_id, record)
        elif kind in ("start", "report", "tag", "end"):
            self._change(self.trials[event["trial"]], event)

    @staticmethod
    def _change(record: TrialRecord, event: Mapping[str, Any]) -> None:
        kind = event["kind"]
        if kind == "start":
            record.status = RUNNING
            record.started = record.started or event["time"]
            record.error, record.ended = "", 0.0
        elif kind == "report" and event["task"] not in record.curve:
            record.curve[event["task"]] = event["metrics"]
            record.matrix = event["matrix"]
            record.num_tasks = event["num_tasks"]
            record.seconds += event["seconds"]
            record.tags.update(event.get("tags", {}))
        elif kind == "tag":
            record.tags.update(event["tags"])
        elif kind == "end":
            record.status = event["outcome"]
            record.ended = event["time"]
            record.error = event.get("error", "")

    def wait(self, position: int, timeout: float) -> int:
        """Wait for more than ``position`` events, or the end; return how many there are."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self.events) > position, timeout)
            return len(self.events)

    def end(self) -> None:
        """Say that no more events come, to those who wait for them."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def of_kind(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the events of one kind, oldest first."""
        return (event for event in list(self.events) if event["kind"] == kind)
