"""The live table of a running study; without a terminal, one line an event."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from charon.text import clock
from charon.tuning.execution.trainable import beat_file, failure_file, trouble_file
from charon.tuning.records.heartbeat import read_beat
from charon.tuning.records.journal import FAILED, FINISHED, PENDING, RUNNING, Journal, TrialRecord
from charon.tuning.study.first_tasks import SAVED
from charon.tuning.study.objectives import directions, show_metric

STYLES = {RUNNING: "bold cyan", FINISHED: "green", FAILED: "bold red", PENDING: "dim"}
"""Of a trial by its status; others are yellow."""

MOST_ROWS = 24
"""Of a longer study the table shows the running and the best trials, or, without a best, the
newest."""


@dataclass
class LiveView:
    """Shows a study's trials: task, objectives so far, time left, and a search's best so far.

    Only a search with a single objective has a best: a grid selects nothing, and its numbers may
    be of the test set. Of the study's ``num_trials``, ``slots`` run at once. ``headline`` returns a
    sentence to show below the table, if any.
    """

    journal: Journal
    objectives: Sequence[str]
    is_search: bool
    num_trials: int
    slots: int
    folder: Path
    console: Console
    headline: Callable[[], str] = str

    def __post_init__(self) -> None:
        is_single = self.is_search and len(self.objectives) == 1
        self._direction = directions(self.objectives)[0] if is_single else None
        self._started = time.monotonic()

    def shown(self) -> AbstractContextManager[object]:
        """Show the table on a terminal while the block runs; its last state stays."""
        if not self.console.is_terminal:
            return nullcontext()
        return Live(get_renderable=self.render, console=self.console, refresh_per_second=2)

    def on_event(self, kind: str, trial_id: str) -> None:
        """Say one line where there is no terminal."""
        if not self.console.is_terminal:
            line = self._line(kind, self.journal.trials[trial_id])
            self.console.print(f"[{self._so_far()}] {line}", markup=False)

    def _so_far(self) -> str:
        return clock(time.monotonic() - self._started)

    def _line(self, kind: str, record: TrialRecord) -> str:
        name = f"{record.label:<28}"
        if kind == "start":
            return f"{name} {'goes on' if record.curve else 'starts'}"
        if kind == "report":
            known = [metric for metric in self.objectives if metric in record.latest]
            values = ", ".join(f"{metric} {_value(record, metric)}" for metric in known)
            task = f"task {record.tasks_seen}/{record.num_tasks}"
            return f"{name} {task}  {values}  {left_text(record)}"
        if kind == "recover":
            failure = failure_file(self.folder, record.trial_id)
            if failure.exists():
                return f"{name} fails: {failure.read_text(encoding='utf-8')}"
            trouble = trouble_file(self.folder, record.trial_id)
            if trouble.exists():
                return f"{name} is tried again: {trouble.read_text(encoding='utf-8')}"
            return f"{name} stopped unexpectedly and is tried again from its last task"
        best = self.best()
        suffix = f"  best so far: {self._best_text(best)}" if best else ""
        problem = f": {record.error}" if record.error else ""
        return f"{name} {record.status}{problem}  ({self._done()}){suffix}"

    def best(self) -> TrialRecord | None:
        """Return the finished trial of a search that has the best of its one objective."""
        if self._direction is None:
            return None
        finished = [record for record in self.journal.records if record.status == FINISHED]
        return min(finished, key=self._distance, default=None)

    def _distance(self, record: TrialRecord) -> float:
        """Return a number that is smaller for a better trial; infinite without a best."""
        value = record.latest.get(self.objectives[0])
        if value is None or self._direction is None:
            return math.inf
        return value if self._direction == "minimize" else -value

    def _best_text(self, best: TrialRecord) -> str:
        return f"{best.label} {_value(best, self.objectives[0])}"

    def _done(self) -> str:
        return f"{self.journal.num_over}/{self.num_trials} trials"

    def render(self) -> RenderableType:
        """Return the table as it is now."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("trial", "status", "task"):
            table.add_column(column, no_wrap=True)
        for column in (*self.objectives, "left"):
            table.add_column(column, justify="right", no_wrap=True)
        best, shown = self.best(), self._shown()
        for record in shown:
            values = [_value(record, metric) for metric in self.objectives]
            if record is best:
                values[0] += " ★"
            table.add_row(
                Text(record.label),
                Text(record.status, style=STYLES.get(record.status, "yellow")),
                Text(self._task_text(record)),
                *(Text(value, style="bold green" if record is best else "") for value in values),
                Text(left_text(record) if record.status == RUNNING else ""),
            )
        parts: list[RenderableType] = [self._summary(best), table]
        hidden = len(self.journal.trials) - len(shown)
        if hidden > 0:
            parts.append(Text(f"… and {hidden} more", style="dim"))
        if self.headline():
            parts.append(Text(self.headline(), style="yellow"))
        return Group(*parts)

    def _shown(self) -> list[TrialRecord]:
        """Return all trials, or of many the running, then the best, then the newest."""
        records = self.journal.records
        rank = {RUNNING: 0, FAILED: 1, FINISHED: 2}
        order = records[::-1]
        order.sort(key=lambda r: (rank.get(r.status, 3), self._distance(r)))
        kept = {record.trial_id for record in order[:MOST_ROWS]}
        return [record for record in records if record.trial_id in kept]

    def _task_text(self, record: TrialRecord) -> str:
        total = f"/{record.num_tasks}" if record.num_tasks else ""
        file = beat_file(self.folder, record.trial_id)
        beat = read_beat(file) if record.status == RUNNING else None
        if beat and beat.task > record.tasks_seen:
            return f"{beat.task}{total} {beat.phase} epoch {beat.epoch}/{beat.epochs}"
        return f"{record.tasks_seen}{total}" if total else ""

    def _summary(self, best: TrialRecord | None) -> Text:
        running = sum(record.status == RUNNING for record in self.journal.records)
        parts = [self._done(), f"{running} running", f"{self._so_far()} so far"]
        left = self.seconds_left()
        if left is not None:
            parts.append(f"about {clock(left)} left")
        if best is not None:
            parts.append(f"best: {self._best_text(best)}")
        return Text(" · ".join(parts), style="bold")

    def seconds_left(self) -> float | None:
        """Estimate the study's rest: what its trials still need, over the slots."""
        known = [record for record in self.journal.records if record.curve]
        if not known:
            return None
        per_task = sum(r.seconds for r in known) / sum(r.tasks_seen for r in known)
        to_learn = (self.num_trials - self.journal.num_over) * max(r.num_tasks for r in known)
        learned = sum(r.tasks_seen for r in known if r.status == RUNNING)
        return max(0.0, (to_learn - learned) * per_task / self.slots)


def left_text(record: TrialRecord) -> str:
    """Estimate a running trial's rest from its own tasks; empty before its first report."""
    if not record.curve:
        return ""
    # A first task that another trial has learned does not say how long others take.
    spent = record.seconds + record.latest.get(SAVED, 0.0)
    left = spent / record.tasks_seen * (record.num_tasks - record.tasks_seen)
    return f"{clock(left)} left"


def _value(record: TrialRecord, metric: str) -> str:
    value = record.latest.get(metric)
    return "" if value is None else show_metric(metric, value)
