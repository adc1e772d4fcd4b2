"""What Ray tells the driver, written into the study's journal and tables.

MLflow gets it from the journal (:mod:`charon.tuning.tracking.sender`).
"""

import errno
import math
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ray.tune import Callback

from charon.tuning.execution.hung import HungTrials
from charon.tuning.execution.trainable import (
    checkpoint_folder,
    failure_file,
    outputs_folder,
    trouble_file,
)
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, PRUNED, RUNNING, Journal
from charon.tuning.records.tables import write_tables
from charon.tuning.study.first_tasks import first_task_tag

MANY = 500
"""Trials from which on the tables are not written anew with each that ends."""

REST_SECONDS = 0.004
"""Between two writings, for each trial: some twenty times what its rows take."""


class Recorder(Callback):  # type: ignore[misc]
    """Turns Ray's calls into journal events, each once.

    An error of writing ends the study, before Ray's next step: Ray would take it for an error of
    the trial. Nothing is recorded in between, for it would build on what is missing.
    """

    def __init__(
        self,
        journal: Journal,
        folder: Path,
        tell: Callable[[str, str], None],
        check: Callable[[], None] = lambda: None,
        hung: HungTrials | None = None,
    ) -> None:
        """Record into ``journal``, which has all trials, and into the tables of ``folder``.

        ``tell`` is called after each event with its kind and the trial's id, ``check`` several
        times a second; it may raise an error that ends the study. ``hung`` ends trials that hang.
        """
        self._hung = hung or HungTrials(journal, folder, math.inf)
        self._journal, self._folder, self._tell, self._check = journal, folder, tell, check
        self._tables_at = -math.inf
        self._problem: OSError | None = None

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Ray's loop is about to look for news.

        Raises:
            OSError: the results could not be written, or the disk is so full that all other
                trials would die too.
        """
        if self._problem is not None:
            raise self._problem
        self._check()
        self._hung.look()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Ray has a process for the trial."""
        with suppress(OSError):
            trouble_file(self._folder, _id(trial)).unlink(missing_ok=True)
        self._hung.started(_id(trial))
        if not self._has_failed(trial):
            self._record("start", trial)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """The trial has learned a task; one that goes on repeats what it has learned before."""
        if result["task"] in self._journal.trials[_id(trial)].curve:
            return
        self._record(
            "report",
            trial,
            task=result["task"],
            num_tasks=result["num_tasks"],
            metrics={k: v for k, v in result["metrics"].items() if math.isfinite(v)},
            epochs=result.get("epochs", {}),  # which older checkpoints' reports lack
            matrix=result["matrix"],
            seconds=result["seconds"],
            tags={"device": result["device"], **first_task_tag(result["metrics"])},
        )

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The trial has ended: after its last task, or stopped before it."""
        self._hung.stopped(_id(trial))
        record = self._journal.trials[_id(trial)]
        outcome, artifacts = PRUNED, []
        if record.curve and record.tasks_seen == record.num_tasks:
            outputs = outputs_folder(self._folder, record.label)
            # What MLflow gets; the model stays where it is.
            names = ("accuracy_matrix.csv", "confusion.csv", "per_class.csv", "run.json")
            outcome, artifacts = FINISHED, [str(outputs / name) for name in names]
        self._record("end", trial, outcome=outcome, error="", artifacts=artifacts)
        if self._problem is None:
            shutil.rmtree(checkpoint_folder(self._folder, record.trial_id), ignore_errors=True)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The trial's process has ended; Ray starts it again, and it finds its checkpoint."""
        self._hung.stopped(_id(trial))
        if self._has_failed(trial):
            trial.max_failures = 0  # it would only repeat itself: its next start is its end
        elif shutil.disk_usage(self._folder).free < 1_000_000:
            self._problem = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))
        self._tell("recover", _id(trial))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """The trial has failed for good; its checkpoint stays for --resume."""
        self._hung.stopped(_id(trial))
        reason = (
            "The trial's process was killed each time it was tried, most often for want of "
            "memory; lower optimiser.batch_size, or run fewer trials at once with a larger "
            "--cpus-per-trial."
        )
        for file in (trouble_file, failure_file):
            with suppress(OSError):
                reason = file(self._folder, _id(trial)).read_text(encoding="utf-8")
        self._record("end", trial, outcome=FAILED, error=reason, artifacts=[])

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        """Close the trials that are interrupted.

        Raises:
            OSError: the results cannot be written, or could not before.
        """
        for name, record in self._journal.trials.items():
            if record.status == RUNNING:
                self._journal.append("end", name, outcome=INTERRUPTED)
        write_tables(self._folder, self._journal)
        if self._problem is not None:
            raise self._problem

    def _has_failed(self, trial: Any) -> bool:
        return failure_file(self._folder, _id(trial)).exists()

    def _record(self, kind: str, trial: Any, **content: Any) -> None:
        if self._problem is not None:
            return
        try:
            self._journal.append(kind, _id(trial), **content)
            # While trials report, the tables are a little behind, and those of many trials always.
            number = len(self._journal.trials)
            waits = kind == "report" or number > MANY
            if not waits or time.monotonic() - self._tables_at >= max(2.0, number * REST_SECONDS):
                write_tables(self._folder, self._journal)
                self._tables_at = time.monotonic()
        except OSError as error:
            self._problem = error
            return
        self._tell(kind, _id(trial))


def _id(trial: Any) -> str:
    return str(trial.config["trial"]["id"])
