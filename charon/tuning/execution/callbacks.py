"""What Ray tells the driver, written into the study's journal and tables.

The one callback of a study. It holds no client: what goes to MLflow is sent from the journal
by a thread of its own (:mod:`charon.tuning.tracking.sender`).
"""

import math
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ray.tune import Callback

from charon.tuning.execution.trainable import failure_file, outputs_folder
from charon.tuning.records.folder import check_room
from charon.tuning.records.journal import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    LOST,
    PENDING,
    PRUNED,
    RUNNING,
    Journal,
)
from charon.tuning.records.tables import Tables
from charon.tuning.session.commands import repeat_command
from charon.tuning.study.first_tasks import first_task_tag

KEEP_CHECKPOINTS_SECONDS = 120.0
"""Ray's own snapshot may be some seconds old; until then it may want a trial's checkpoint."""

ARTIFACTS = ("accuracy_matrix.csv", "confusion.csv", "per_class.csv", "run.json")
"""What of a finished trial's outputs goes to MLflow; the model stays where it is."""

Listener = Callable[[str, str], None]


class Recorder(Callback):  # type: ignore[misc]
    """Turns Ray's calls into journal events, each once.

    A report of a task that the journal has is dropped: a trial that goes on from an older
    checkpoint learns the task again, to the same numbers.
    """

    def __init__(self, journal: Journal, folder: Path, tags: Mapping[str, str]) -> None:
        """Record into ``journal``; ``tags`` go with every trial."""
        self._journal = journal
        self._folder = folder
        self._tables = Tables(folder)
        self._tags = dict(tags)
        self._done_at: dict[str, tuple[float, Path]] = {}
        self.listeners: list[Listener] = []

    def get_state(self) -> dict[str, Any]:
        """Return how far each trial was; the journal itself is on disk and is never older."""
        return {name: record.tasks_seen for name, record in self._journal.trials.items()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Do nothing: the journal, which is at least as new, has been read already."""

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Ray has a process for the trial."""
        self._add(trial)
        self._journal.append("start", trial.trial_id)
        self._tell("start", trial.trial_id)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """The trial has learned a task."""
        record = self._journal.trials[trial.trial_id]
        if "metrics" not in result or result["task"] <= record.tasks_seen:
            return
        self._journal.append(
            "report",
            trial.trial_id,
            task=result["task"],
            num_tasks=result["num_tasks"],
            metrics={k: v for k, v in result["metrics"].items() if math.isfinite(v)},
            matrix=result["matrix"],
            seconds=result["seconds"],
            tags={"device": result["device"], **first_task_tag(result["metrics"])},
        )
        self._tables.write(self._journal, at_once=False)
        self._tell("report", trial.trial_id)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The trial has ended: after its last task, or stopped before it."""
        record = self._journal.trials.get(trial.trial_id)
        if record is None or record.status in (FINISHED, PRUNED):
            return
        complete = record.num_tasks > 0 and record.tasks_seen == record.num_tasks
        self._end(trial, FINISHED if complete else PRUNED)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The trial's process has died; Ray starts it again from its last checkpoint.

        Raises:
            OSError: it died because the disk is full, and so would all others.
        """
        check_room(self._folder)
        self._tell("recover", trial.trial_id)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The trial has failed for good."""
        self._add(trial)
        self._end(trial, FAILED, error=self._reason(trial))

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """Close what is still open: interrupted trials, and those that Ray does not know."""
        known = {trial.trial_id for trial in trials}
        for name, record in list(self._journal.trials.items()):
            # Interrupted by an error that left Ray no time for a snapshot, it is lost too.
            if name not in known and record.status in (PENDING, RUNNING, INTERRUPTED):
                self._journal.append("end", name, outcome=LOST)
            elif record.status == RUNNING:
                self._journal.append("end", name, outcome=INTERRUPTED)
        self._tables.write(self._journal)

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Take new trials into account, and remove what no one needs any more."""
        new = [trial for trial in trials if trial.trial_id not in self._journal.trials]
        for trial in new:
            self._add(trial)
        if new:
            self._tables.write(self._journal)
        for name, (when, folder) in list(self._done_at.items()):
            if time.monotonic() - when > KEEP_CHECKPOINTS_SECONDS:
                self._remove_checkpoints(name, folder)

    def _remove_checkpoints(self, name: str, folder: Path) -> None:
        del self._done_at[name]
        remove_checkpoints(folder)

    def _add(self, trial: Any) -> None:
        if trial.trial_id not in self._journal.trials:
            config = trial.config["trial"]
            cache, cpus = Path(config["setting"]["cache"]), config["setting"]["cpus"]
            self._journal.append(
                "trial",
                trial.trial_id,
                label=config["name"],
                fields=config["run"],
                role=config.get("role", ""),
                tags={**self._tags, "command": repeat_command(config["run"], cache, cpus)},
            )

    def _end(self, trial: Any, outcome: str, error: str = "") -> None:
        outputs = outputs_folder(str(self._folder), trial.config["trial"]["name"])
        artifacts = [str(outputs / name) for name in ARTIFACTS] if outcome == FINISHED else []
        self._journal.append(
            "end", trial.trial_id, outcome=outcome, error=error, artifacts=artifacts
        )
        if outcome in (FINISHED, PRUNED):
            self._done_at[trial.trial_id] = (time.monotonic(), Path(trial.storage.trial_fs_path))
        self._tables.write(self._journal)
        self._tell("end", trial.trial_id)

    def _reason(self, trial: Any) -> str:
        path = failure_file(str(self._folder), trial.config["trial"]["name"])
        if path.exists():
            return path.read_text(encoding="utf-8")
        return (
            "The trial's process was killed each time it was tried, most often for want of "
            "memory; lower optimiser.batch_size, or run fewer trials at once with a larger "
            "--cpus-per-trial."
        )

    def _tell(self, kind: str, trial_id: str) -> None:
        for listener in self.listeners:
            listener(kind, trial_id)


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints in Ray's folder of a trial that has ended."""
    for checkpoint in folder.glob("checkpoint_*"):
        shutil.rmtree(checkpoint, ignore_errors=True)
