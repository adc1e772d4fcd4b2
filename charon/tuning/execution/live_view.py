"""The live table of a running study; without a terminal, one line an event."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from charon.text import clock
from charon.tuning.records.heartbeat import read_beat
from charon.tuning.records.journal import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    OVER,
    PENDING,
    PRUNED,
    RUNNING,
    Journal,
    TrialRecord,
)
from charon.tuning.study.first_tasks import SAVED
from charon.tuning.study.objectives import directions, show_metric

STYLES = {
    RUNNING: "bold cyan",
    FINISHED: "green",
    PRUNED: "yellow",
    FAILED: "bold red",
    INTERRUPTED: "yellow",
    PENDING: "dim",
}
MOST_ROWS = 24
"""Of a longer study the table shows the running and the best trials, or, without a best, the
newest."""


@dataclass
class LiveView:
    """Shows a study's trials: task, objectives so far, time left, and a search's best so far.

    Attributes:
        journal: of the study.
        objectives: the metrics; a search with a single objective has a best.
        is_search: whether trials compete. A grid selects nothing, and its numbers may be of the
            test set, so it names no best.
        num_trials: trials of the whole study.
        slots: trials that run at once.
        beat_file: returns the file in which a trial says how far it is.
        console: where to show the trials.
        headline: returns a sentence to show below the table; empty for none.
    """

    journal: Journal
    objectives: Sequence[str]
    is_search: bool
    num_trials: int
    slots: int
    beat_file: Callable[[str], Path]
    console: Console
    headline: Callable[[], str] = str

    def __post_init__(self) -> None:
        is_single = self.is_search and len(self.objectives) == 1
        self._direction = directions(self.objectives)[0] if is_single else None
        self._started = time.time()
        self._live: Live | None = None

    def __enter__(self) -> "LiveView":
        """Begin to show."""
        if self.console.is_terminal:
            live = Live(get_renderable=self.render, console=self.console, refresh_per_second=2)
            self._live = live
            live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the last state of the table on the screen."""
        if self._live is not None:
            self._live.stop()

    def on_event(self, kind: str, trial_id: str) -> None:
        """Say one line where there is no terminal."""
        if self._live is None:
            line = self._line(kind, self.journal.trials[trial_id])
            self.console.print(f"[{self._so_far()}] {line}", markup=False)

    def _so_far(self) -> str:
        return clock(time.time() - self._started)

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
            return f"{name} stopped unexpectedly and is tried again from its last task"
        best = self.best()
        suffix = f"  best so far: {self._best_text(best)}" if best else ""
        problem = f": {record.error}" if record.error else ""
        return f"{name} {record.status}{problem}  ({self._done()}){suffix}"

    def best(self) -> TrialRecord | None:
        """Return the finished trial of a search that has the best of its one objective."""
        if self._direction is None:
            return None
        finished = [record for record in self._records if record.status == FINISHED]
        return min(finished, key=self._distance, default=None)

    @property
    def _records(self) -> list[TrialRecord]:
        return list(self.journal.trials.values())

    def _distance(self, record: TrialRecord) -> float:
        """Return a number that is smaller for a better trial; infinite without a best."""
        value = record.latest.get(self.objectives[0])
        if value is None or self._direction is None:
            return math.inf
        return value if self._direction == "minimize" else -value

    def _best_text(self, best: TrialRecord) -> str:
        return f"{best.label} {_value(best, self.objectives[0])}"

    def _count(self, *statuses: str) -> int:
        return sum(record.status in statuses for record in self._records)

    def _done(self) -> str:
        return f"{self._count(*OVER)}/{self.num_trials} trials"

    def render(self) -> RenderableType:
        """Return the table as it is now."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("trial", "status", "task"):
            table.add_column(column, no_wrap=True)
        for column in (*self.objectives, "left"):
            table.add_column(column, justify="right", no_wrap=True)
        best, shown = self.best(), self._shown()
        for record in shown:
            table.add_row(*self._row(record, is_best=record is best))
        parts: list[RenderableType] = [self._summary(best), table]
        hidden = len(self.journal.trials) - len(shown)
        if hidden > 0:
            parts.append(Text(f"… and {hidden} more", style="dim"))
        if self.headline():
            parts.append(Text(self.headline(), style="yellow"))
        return Group(*parts)

    def _shown(self) -> list[TrialRecord]:
        """Return all trials, or of many the running, then the best, then the newest."""
        records = self._records
        rank = {RUNNING: 0, FAILED: 1, FINISHED: 2}
        order = records[::-1]
        order.sort(key=lambda r: (rank.get(r.status, 3), self._distance(r)))
        kept = {record.trial_id for record in order[:MOST_ROWS]}
        return [record for record in records if record.trial_id in kept]

    def _row(self, record: TrialRecord, *, is_best: bool) -> list[Text]:
        values = [_value(record, metric) for metric in self.objectives]
        if is_best:
            values[0] += " ★"
        return [
            Text(record.label),
            Text(record.status, style=STYLES[record.status]),
            Text(self._task_text(record)),
            *(Text(value, style="bold green" if is_best else "") for value in values),
            Text(left_text(record) if record.status == RUNNING else ""),
        ]

    def _task_text(self, record: TrialRecord) -> str:
        total = f"/{record.num_tasks}" if record.num_tasks else ""
        beat = read_beat(self.beat_file(record.trial_id)) if record.status == RUNNING else None
        if beat and beat.task > record.tasks_seen:
            return f"{beat.task}{total} {beat.phase} epoch {beat.epoch}/{beat.epochs}"
        return f"{record.tasks_seen}{total}" if total else ""

    def _summary(self, best: TrialRecord | None) -> Text:
        left = self.seconds_left()
        parts = [self._done(), f"{self._count(RUNNING)} running", f"{self._so_far()} so far"]
        if left is not None:
            parts.append(f"about {clock(left)} left")
        if best is not None:
            parts.append(f"best: {self._best_text(best)}")
        return Text(" · ".join(parts), style="bold")

    def seconds_left(self) -> float | None:
        """Estimate the study's rest: what its trials still need, over the slots."""
        known = [record for record in self._records if record.curve]
        if not known:
            return None
        per_task = sum(r.seconds for r in known) / sum(r.tasks_seen for r in known)
        to_learn = (self.num_trials - self._count(*OVER)) * max(r.num_tasks for r in known)
        learned = sum(r.tasks_seen for r in self._records if r.status == RUNNING)
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
