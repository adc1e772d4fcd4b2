"""What Ray tells the driver, written into the study's journal and tables.

The one callback of a study. It holds no client: what goes to MLflow is sent from the journal
by a thread of its own (:mod:`charon.tuning.tracking.sender`).
"""

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune import Callback

from charon.tuning.execution.trainable import checkpoint_folder, failure_file, outputs_folder
from charon.tuning.records.folder import check_room
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, PRUNED, RUNNING, Journal
from charon.tuning.records.tables import Tables
from charon.tuning.study.first_tasks import first_task_tag

ARTIFACTS = ("accuracy_matrix.csv", "confusion.csv", "per_class.csv", "run.json")
"""What of a finished trial's outputs goes to MLflow; the model stays where it is."""

Listener = Callable[[str, str], None]


class Recorder(Callback):  # type: ignore[misc]
    """Turns Ray's calls into journal events, each once.

    Attributes:
        listeners: called with the kind of event and the trial's id after each.
    """

    def __init__(self, journal: Journal, folder: Path) -> None:
        """Record into ``journal``, which has all trials, and into the tables of ``folder``."""
        self._journal = journal
        self._folder = folder
        self._tables = Tables(folder)
        self.listeners: list[Listener] = []

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Ray has a process for the trial."""
        self._journal.append("start", _id(trial))
        self._tables.write(self._journal)
        self._tell("start", trial)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """The trial has learned a task; one that goes on repeats what it has learned before."""
        if result["task"] in self._journal.trials[_id(trial)].curve:
            return
        self._journal.append(
            "report",
            _id(trial),
            task=result["task"],
            num_tasks=result["num_tasks"],
            metrics={k: v for k, v in result["metrics"].items() if math.isfinite(v)},
            matrix=result["matrix"],
            seconds=result["seconds"],
            tags={"device": result["device"], **first_task_tag(result["metrics"])},
        )
        self._tables.write(self._journal, at_once=False)
        self._tell("report", trial)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The trial has ended: after its last task, or stopped before it."""
        record = self._journal.trials[_id(trial)]
        complete = record.num_tasks > 0 and record.tasks_seen == record.num_tasks
        self._end(trial, FINISHED if complete else PRUNED)
        remove_checkpoint(self._folder, record.trial_id)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The trial's process has died; Ray starts it again, and it finds its checkpoint.

        Raises:
            OSError: it died because the disk is full, and so would all others.
        """
        check_room(self._folder)
        self._tell("recover", trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The trial has failed for good; its checkpoint stays for --resume."""
        self._end(trial, FAILED, error=self._reason(trial))

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """Close the trials that are interrupted."""
        for name, record in self._journal.trials.items():
            if record.status == RUNNING:
                self._journal.append("end", name, outcome=INTERRUPTED)
        self._tables.write(self._journal)

    def _end(self, trial: Any, outcome: str, error: str = "") -> None:
        outputs = outputs_folder(str(self._folder), trial.config["trial"]["name"])
        artifacts = [str(outputs / name) for name in ARTIFACTS] if outcome == FINISHED else []
        self._journal.append("end", _id(trial), outcome=outcome, error=error, artifacts=artifacts)
        self._tables.write(self._journal)
        self._tell("end", trial)

    def _reason(self, trial: Any) -> str:
        path = failure_file(str(self._folder), _id(trial))
        if path.exists():
            return path.read_text(encoding="utf-8")
        return (
            "The trial's process was killed each time it was tried, most often for want of "
            "memory; lower optimiser.batch_size, or run fewer trials at once with a larger "
            "--cpus-per-trial."
        )

    def _tell(self, kind: str, trial: Any) -> None:
        for listener in self.listeners:
            listener(kind, _id(trial))


def _id(trial: Any) -> str:
    return str(trial.config["trial"]["id"])


def remove_checkpoint(folder: Path, trial_id: str) -> None:
    """Remove the checkpoint of a trial that is over from a study's folder."""
    shutil.rmtree(checkpoint_folder(str(folder), trial_id), ignore_errors=True)
