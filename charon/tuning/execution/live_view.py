"""What a person sees while a study runs: a live table, or one line an event without a terminal."""

import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from charon.tuning.records.heartbeat import Beat, read_beat
from charon.tuning.records.journal import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    LOST,
    OVER,
    PENDING,
    PRUNED,
    RUNNING,
    Journal,
    TrialRecord,
)
from charon.tuning.study.first_tasks import SAVED
from charon.tuning.study.objectives import best_direction, show_metric

STYLES = {
    RUNNING: "bold cyan",
    FINISHED: "green",
    PRUNED: "yellow",
    FAILED: "bold red",
    INTERRUPTED: "yellow",
    LOST: "yellow",
    PENDING: "dim",
}
MOST_ROWS = 24
"""Rows of the live table; of longer studies it shows the running and the best trials, or where
there is no best, the newest."""


class LiveView:
    """Shows the study's trials: task, objectives so far, time left, and a search's best so far.

    Only a search names a best: all else selects nothing, and its numbers may be of the test set.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        objectives: Sequence[str],
        is_search: bool,
        num_trials: int,
        slots: int,
        beat_file: Callable[[str], Path],
        console: Console | None = None,
    ) -> None:
        """Prepare the view.

        Args:
            journal: the study's events.
            objectives: the metrics that are shown; a search with one of them has a best.
            is_search: whether trials compete.
            num_trials: trials of the whole study.
            slots: trials that run at once.
            beat_file: names the file in which a trial says how far it is.
            console: where to show it; standard output if None.
        """
        self._direction = best_direction(objectives) if is_search else None
        self._journal = journal
        self._objectives = tuple(objectives)
        self._num_trials = num_trials
        self._slots = max(1, slots)
        self._beat_file = beat_file
        self._console = console or Console(highlight=False, soft_wrap=not sys.stdout.isatty())
        self._started = time.time()
        self._live: Live | None = None
        self.headline: Callable[[], str] = str

    def __enter__(self) -> "LiveView":
        """Begin to show."""
        if self._console.is_terminal:
            self._live = Live(
                get_renderable=self.render, console=self._console, refresh_per_second=2
            )
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the last state of the table on the screen."""
        if self._live is not None:
            self._live.stop()

    def on_event(self, kind: str, trial_id: str) -> None:
        """Say one line where there is no terminal."""
        if self._live is not None:
            return
        record = self._journal.trials[trial_id]
        text = self._line(kind, record)
        if text:
            clock = _clock(time.time() - self._started)
            self._console.print(f"[{clock}] {text}", markup=False)

    def _line(self, kind: str, record: TrialRecord) -> str:
        name = f"{record.label:<28}"
        if kind == "start":
            word = "goes on" if record.curve else "starts"
            return f"{name} {word}"
        if kind == "report":
            known = [metric for metric in self._objectives if metric in record.latest]
            values = ", ".join(f"{metric} {self._value(record, metric)}" for metric in known)
            task = f"task {record.tasks_seen}/{record.num_tasks}"
            return f"{name} {task}  {values}  {self._left_text(record)}"
        if kind == "recover":
            return f"{name} stopped unexpectedly and is tried again from its last task"
        best = self.best()
        suffix = f"  best so far: {self._best_text(best)}" if best else ""
        problem = f": {record.error}" if record.error else ""
        done = self._count(*OVER)
        return f"{name} {record.status}{problem}  ({done}/{self._num_trials} trials){suffix}"

    def best(self) -> TrialRecord | None:
        """Return the finished trial of a search that has the best of its one objective."""
        if self._direction is None:
            return None
        finished = [r for r in self._journal.trials.values() if r.status == FINISHED]
        return min(finished, key=self._distance, default=None)

    def _distance(self, record: TrialRecord) -> float:
        """Return a number that is smaller for a better trial; the same for all without a best."""
        value = record.latest.get(self._objectives[0])
        if value is None or self._direction is None:
            return math.inf
        return value if self._direction == "minimize" else -value

    def _best_text(self, best: TrialRecord) -> str:
        return f"{best.label} {self._value(best, self._objectives[0])}"

    def _value(self, record: TrialRecord, metric: str) -> str:
        value = record.latest.get(metric)
        return "" if value is None else show_metric(metric, value)

    def _count(self, *statuses: str) -> int:
        return sum(record.status in statuses for record in self._journal.trials.values())

    def render(self) -> RenderableType:
        """Return the table as it is now."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("trial", "status", "task"):
            table.add_column(column, no_wrap=True)
        for column in (*self._objectives, "left"):
            table.add_column(column, justify="right", no_wrap=True)
        best = self.best()
        shown = self._shown()
        for record in shown:
            table.add_row(*self._row(record, best))
        parts: list[RenderableType] = [self._summary(), table]
        hidden = len(self._journal.trials) - len(shown)
        if hidden > 0:
            parts.append(Text(f"… and {hidden} more", style="dim"))
        if self.headline():
            parts.append(Text(self.headline(), style="yellow"))
        return Group(*parts)

    def _shown(self) -> list[TrialRecord]:
        """Return the rows: all, or of many the running, then the best, then the newest."""
        records = list(self._journal.trials.values())
        if len(records) <= MOST_ROWS:
            return records
        rank = {RUNNING: 0, FAILED: 1, FINISHED: 2}
        order = records[::-1]
        order.sort(key=lambda r: (rank.get(r.status, 3), self._distance(r)))
        chosen = {record.trial_id for record in order[:MOST_ROWS]}
        return [record for record in records if record.trial_id in chosen]

    def _row(self, record: TrialRecord, best: TrialRecord | None) -> list[RenderableType]:
        values = [self._value(record, metric) for metric in self._objectives]
        if record is best:
            values[0] += " ★"
        style = STYLES[record.status]
        return [
            Text(record.label),
            Text(record.status, style=style),
            Text(self._task_text(record)),
            *(Text(value, style="bold green" if record is best else "") for value in values),
            Text(self._left_text(record) if record.status == RUNNING else ""),
        ]

    def _task_text(self, record: TrialRecord) -> str:
        total = record.num_tasks
        seen = f"{record.tasks_seen}/{total}" if total else ""
        beat = self._beat(record)
        if beat is None:
            return seen
        of = f"/{total}" if total else ""
        return f"{beat.task}{of} {beat.phase} epoch {beat.epoch}/{beat.epochs}"

    def _beat(self, record: TrialRecord) -> Beat | None:
        if record.status != RUNNING:
            return None
        beat = read_beat(self._beat_file(record.trial_id))
        return beat if beat and beat.task > record.tasks_seen else None

    def _left_text(self, record: TrialRecord) -> str:
        left = self.seconds_left(record)
        return "" if left is None else f"{_clock(left)} left"

    def seconds_left(self, record: TrialRecord) -> float | None:
        """Estimate a running trial's rest from its own tasks; None before it has reported one."""
        if record.curve and record.num_tasks:
            # A first task that another trial has learned does not say how long others take.
            spent = record.seconds + record.latest.get(SAVED, 0.0)
            return spent / record.tasks_seen * (record.num_tasks - record.tasks_seen)
        return None

    def study_seconds_left(self) -> float | None:
        """Estimate the study's rest: what its trials still need, over the slots."""
        known = [r for r in self._journal.trials.values() if r.curve and r.num_tasks]
        if not known:
            return None
        per_task = sum(r.seconds for r in known) / sum(r.tasks_seen for r in known)
        tasks = max(r.num_tasks for r in known)
        over = sum(r.status in OVER for r in self._journal.trials.values())
        running = [r for r in self._journal.trials.values() if r.status == RUNNING]
        rest = (self._num_trials - over) * tasks - sum(r.tasks_seen for r in running)
        return max(0.0, rest * per_task / self._slots)

    def _summary(self) -> Text:
        done = self._count(*OVER)
        left = self.study_seconds_left()
        best = self.best()
        parts = [f"{done}/{self._num_trials} trials", f"{self._count(RUNNING)} running"]
        parts.append(f"{_clock(time.time() - self._started)} so far")
        if left is not None:
            parts.append(f"about {_clock(left)} left")
        if best is not None:
            parts.append(f"best: {self._best_text(best)}")
        return Text(" · ".join(parts), style="bold")


def _clock(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
