"""The journal of a study: one JSON line an event, written by the driver alone.

It is the one truth. The tables, the live view, Optuna's trials and what is sent to MLflow are
made from it, and a study goes on from it, so they agree whatever interrupts the driver.

Kinds of events, each with its ``time`` in seconds since the epoch:

- ``study``: a sitting begins; trials that are neither finished nor pruned wait again.
- ``trial``: a trial is planned, or suggested under a ``number``; ``told`` is how many suggestions
  Optuna then knew to have ended.
- ``refused``: a search was suggested a setting that is never run.
- ``start``, ``report``, ``end``: of a trial; ``tag`` adds plain facts to it. A report has the
  metrics after a task, and lists of the means of its epochs.
- ``hung``: a trial gave no sign of life, and was ended to be started again.
- ``logged``: MLflow has the first ``position`` events; said where an end is among the newest.
- ``extended``, ``time_up``, ``exhausted``, ``study_end``: of the study.

Other kinds are kept and change nothing.
"""

import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charon.errors import CheckpointError
from charon.files import parse_json, reading_from, reason_of
from charon.settings import Value
from charon.tuning.records.events import check_event

PENDING, RUNNING, INTERRUPTED = "pending", "running", "interrupted"
FINISHED, PRUNED, FAILED = "finished", "pruned", "failed"

OVER = (FINISHED, PRUNED, FAILED)
"""Outcomes of a trial that counts as done; an interrupted one goes on."""

EXTENDED, TIME_UP, EXHAUSTED = "extended", "time_up", "exhausted"
"""Kinds of events: trials were added to a search that was over; its hours were used up; its
space has nothing left to suggest."""


@dataclass
class TrialRecord:
    """What is known about one trial.

    Attributes:
        trial_id: unique in the study, and among studies that share a place in MLflow.
        label: the name a person knows it by, e.g. ``"eta0.60 s5 M500 seed1"``.
        fields: every field of the run by its dotted name.
        status: pending, running, or how it ended.
        num_tasks: tasks of the whole stream; 0 before the first report.
        curve: the metrics by number of tasks seen, in order.
        matrix: the latest accuracy matrix, percent, None where a task is not learned yet.
        started, ended: seconds since the epoch; 0 where it did not happen.
        seconds: wall seconds of the trial's reported tasks together.
        error: one sentence, for a trial that failed.
        number: of a search's trial, the one its name ends in; None in a grid.
        role: which setting of a search the run confirms; empty in other studies.
        tags: plain facts about the run (device, library versions, ...).
        hung: how often it gave no sign of life and was ended, to be started again.
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
    hung: int = 0

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

    def change(self, event: Mapping[str, Any]) -> None:
        """Take a ``start``, ``report``, ``tag``, ``hung`` or ``end`` of the trial into account."""
        kind = event["kind"]
        if kind == "start":
            self.status = RUNNING
            self.started = self.started or event["time"]
            self.error, self.ended = "", 0.0
        elif kind == "report" and event["task"] not in self.curve:
            self.curve[event["task"]] = event["metrics"]
            self.matrix = event["matrix"]
            self.num_tasks = event["num_tasks"]
            self.seconds += event["seconds"]
            self.tags.update(event.get("tags", {}))
        elif kind == "tag":
            self.tags.update(event["tags"])
        elif kind == "hung":
            self.hung += 1
        elif kind == "end":
            self.status = event["outcome"]
            self.ended = event["time"]
            self.error = event.get("error", "")


class Journal:
    """Appends events to a file and keeps what they add up to, in their order.

    A last line that was cut off is not read. It stays in the file until something is appended:
    another process may be writing it. ``trials`` are known by their ids.
    """

    def __init__(self, path: Path) -> None:
        """Read the journal at ``path``, if there is one; the first event creates it.

        Raises:
            CheckpointError: a line in it is not an event.
        """
        self.path = path
        self.trials: dict[str, TrialRecord] = {}
        self.events: list[dict[str, Any]] = []
        self._over: set[str] = set()
        self._lock = threading.Lock()
        with reading_from(path, "move the folder away", CheckpointError):
            raw = path.read_bytes() if path.exists() else b""
        complete = raw[: raw.rfind(b"\n") + 1]
        self._cut_off_at = len(complete) if len(complete) < len(raw) else None
        for number, line in enumerate(complete.splitlines(), start=1):
            try:
                event = check_event(parse_json(line))
                self._apply(event)
            except (ValueError, KeyError) as error:  # no event, or one of an unknown trial
                raise CheckpointError(
                    f"{path}: line {number} is not an event of a study ({reason_of(error)}); "
                    "move the folder away and start the study anew."
                ) from error
            self.events.append(event)

    @property
    def records(self) -> list[TrialRecord]:
        """The trials as they are now; any thread may ask while another appends."""
        return list(self.trials.values())

    @property
    def num_over(self) -> int:
        """How many trials count as done."""
        return len(self._over)

    def append(self, kind: str, trial: str | None = None, **content: Any) -> None:
        """Write one event to disk and take it into account; any thread may.

        Raises:
            OSError: the disk is full or the folder cannot be written; the event has not happened.
        """
        event: dict[str, Any] = {"kind": kind, "time": time.time(), **content}
        if trial is not None:
            event["trial"] = trial
        with self._lock:
            if self._cut_off_at is not None:
                os.truncate(self.path, self._cut_off_at)
                self._cut_off_at = None
            self._write(json.dumps(event, allow_nan=False).encode() + b"\n")
            self._apply(event)
            self.events.append(event)

    def _write(self, line: bytes) -> None:
        """Write a line wholly, or raise; what an error leaves of it goes with the next line."""
        with self.path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                while line:
                    line = line[file.write(line) :]
            except OSError:
                self._cut_off_at = before
                raise

    def _apply(self, event: Mapping[str, Any]) -> None:
        kind = event["kind"]
        if kind == "study":
            for record in self.trials.values():
                if record.status not in (FINISHED, PRUNED):
                    record.status = PENDING
                    self._over.discard(record.trial_id)
        elif kind == "trial":
            names = {"label", "fields", "number", "role", "tags"} & event.keys()
            record = TrialRecord(event["trial"], **{name: event[name] for name in names})
            self.trials.setdefault(record.trial_id, record)
        elif kind in ("start", "report", "tag", "hung", "end"):
            record = self.trials[event["trial"]]
            record.change(event)
            (self._over.add if record.status in OVER else self._over.discard)(record.trial_id)

    def of_kind(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the events of one kind, oldest first."""
        return (event for event in list(self.events) if event["kind"] == kind)


def spent_seconds(events: Iterable[Mapping[str, Any]]) -> float:
    """Return the wall seconds a study has run since it was last extended, over all its runs.

    Each run counts until the last event of its trials, without the confirm stage. Where the clock
    was set back, it counts until the latest before.
    """
    work = ("trial", "refused", "start", "report", "end", TIME_UP, EXHAUSTED)
    total, began, last = 0.0, 0.0, 0.0
    for event in events:
        if event["kind"] == EXTENDED:
            total, began, last = 0.0, event["time"], event["time"]
        elif event["kind"] == "study":
            total += last - began
            began = last = event["time"]
        elif event["kind"] in work:
            last = max(last, event["time"])
    return total + last - began


def is_over(journal: Journal, num_trials: int) -> bool:
    """Whether all trials of a study are over, or all that its time or space allowed."""
    if journal.num_over < len(journal.trials):
        return False
    kinds = (event["kind"] for event in reversed(journal.events))
    last = next((kind for kind in kinds if kind in ("study", TIME_UP, EXHAUSTED)), "")
    return len(journal.trials) >= num_trials or last in (TIME_UP, EXHAUSTED)
