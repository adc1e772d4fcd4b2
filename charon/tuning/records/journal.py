"""The study's own log: one JSON line per event, written by the driver alone.

The tables (``trials.csv``, ``curves.csv``), the live view and what is sent to MLflow are all
made from it, so they agree, survive the driver, and nothing is logged twice: a trial that
goes on from an older checkpoint learns a task again, and the journal refuses the second
report of a task.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charon.errors import CheckpointError
from charon.settings import Value

FINISHED = "finished"
PRUNED = "pruned"
FAILED = "failed"
INTERRUPTED = "interrupted"
LOST = "lost"
RUNNING = "running"
PENDING = "pending"

OVER = (FINISHED, PRUNED, FAILED)
"""Outcomes of a trial that counts as done: an interrupted one goes on, and a lost one is made up
for by another."""


@dataclass
class TrialRecord:
    """What is known about one trial.

    Attributes:
        trial_id: Ray's name of the trial.
        label: the name a person knows it by, e.g. ``"eta0.60 s5 M500 seed1"``.
        fields: every field of the run by its dotted name.
        status: ``"pending"``, ``"running"``, or how it ended: ``"finished"``, ``"pruned"``,
            ``"failed"``, ``"interrupted"`` or ``"lost"``.
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

    Opening an existing file reads it again, without a last line that was cut off. The file keeps
    that line until something is appended: it may be one that is being written.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the journal at ``path``.

        Raises:
            CheckpointError: a line in it is not an event.
        """
        self.path = path
        self.trials: dict[str, TrialRecord] = {}
        self.events: list[dict[str, Any]] = []
        self._numbers: dict[str, int] = {}
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
        """Ray's names of the trials that count as done."""
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

    def _apply(self, event: dict[str, Any]) -> None:
        kind = event["kind"]
        if kind == "suggestion" and event["ray"]:
            self._numbers[event["ray"]] = event["number"]
        if kind == "trial":
            name = event["trial"]
            self.trials.setdefault(
                name,
                TrialRecord(
                    name,
                    event["label"],
                    event["fields"],
                    role=event.get("role", ""),
                    number=self._numbers.get(name),
                    tags=event["tags"],
                ),
            )
            return
        if "trial" not in event:
            return
        record = self.trials[event["trial"]]
        if kind == "start":
            record.status = RUNNING
            record.started = record.started or event["time"]
            record.error, record.ended = "", 0.0
        elif kind == "report":
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
