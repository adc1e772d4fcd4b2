"""MLflow's runs, made from the journal's events.

One experiment per study name, one parent run per study, one child run per trial, one
``log_batch`` per task, or several if it has many epochs. A call takes 100 parameters and 100
tags, which is more than a trial has.
"""

import sqlite3
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Param, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from charon.report.matrix import draw_matrix
from charon.tuning.records.journal import FAILED, FINISHED, Journal, TrialRecord
from charon.tuning.tracking.groups import Groups
from charon.tuning.tracking.metrics import (
    Standing,
    at_step,
    final_metrics,
    milliseconds,
    portions,
    report_metrics,
)
from charon.tuning.tracking.notes import (
    NOTE_TAG,
    group_name,
    study_note,
    trial_note,
)
from charon.tuning.tracking.store import REFUSALS, Store
from charon.tuning.tracking.view import COLOUR_TAG, VIEW_TAG, Palette, trials_view

STATUS = {FINISHED: "FINISHED", FAILED: "FAILED"}
"""MLflow's status of an outcome; others are KILLED, told apart by the outcome tag."""

STUDY_TAG = "charon.study"
TRIAL_TAG = "charon.trial"

SETTING_TAG = "setting"
"""A trial's setting without its seed, by which the page can group runs."""

NOTE_SECONDS = 10.0
"""Between two notes of a running study, and between two rounds of its settings' notes."""

NOTE_SHARE = 0.05
"""Of the time of a running study, at most, that goes into its own note: a long table."""


def is_temporary(error: BaseException) -> bool:
    """Whether sending again later may work: the server is away or refuses, or the file is busy."""
    if isinstance(error, MlflowException):
        status = error.get_http_status_code()
        return status >= 500 or status in (408, 429, *REFUSALS)
    return isinstance(error, OSError | sqlite3.OperationalError)


class Runs:
    """The runs of one study, looked up or made when first needed.

    It ``is_new`` where MLflow has nothing of the study yet, so that all events must be sent.
    ``notice`` is a sentence for the user, if there is something to say of the experiment.
    """

    def __init__(self, journal: Journal, store: Store, experiment: str) -> None:
        """Prepare; MLflow is asked for nothing before :meth:`look_up`."""
        self._journal, self._store, self._experiment = journal, store, experiment
        self._client = MlflowClient(store.uri)
        self.notice, self.experiment_id, self.is_new = "", "", True
        self._study = next(journal.of_kind("study"))
        self._parent = ""
        self._ids: dict[str, str] = {}
        self._described: set[str] = set()
        self._steps: dict[str, int] = {}
        self._palette, self._colours = Palette(), dict[str, str]()
        self._groups, self._standing = Groups(journal), Standing(journal)
        self._next_note = self._next_round = 0.0
        self._new: list[TrialRecord] = []
        """Trials that have finished since."""

    def look_up(self) -> None:
        """Look up the study's experiment and runs, as they are now.

        A server may do what is asked and its answer be lost: what was made twice for that reason is
        there once afterwards.

        Raises:
            MlflowException: the server does not answer or refuses.
        """
        self.experiment_id = self._find_experiment(self._experiment, self._store)
        wanted = f"tags.`{STUDY_TAG}` = '{self._study['key']}'"
        stored = self._client.search_runs([self.experiment_id], wanted, max_results=50_000)
        parents = {run.data.tags.get(MLFLOW_PARENT_RUN_ID, "") for run in stored}
        found: dict[str, Run] = {}
        known = {self._parent, *self._ids.values()}
        for run in sorted(stored, key=lambda run: _worth(run, known, parents), reverse=True):
            trial = run.data.tags.get(TRIAL_TAG, "")
            if found.setdefault(trial, run) is not run:
                self._client.delete_run(run.info.run_id)
        ids = {trial: str(run.info.run_id) for trial, run in found.items()}
        self._parent, self._ids = ids.pop("", ""), ids
        # A run is made in one call and described in the next, between which anything may happen.
        self._described = {trial for trial, run in found.items() if run.data.params}
        self._steps.clear()
        self.is_new = not self._parent
        if not self._store.is_remote:
            for run in found.values():
                _remove_partial_artifacts(run)

    def _find_experiment(self, name: str, store: Store) -> str:
        experiment = self._client.get_experiment_by_name(name)
        if experiment is not None:
            number = str(experiment.experiment_id)
            if experiment.lifecycle_stage == "deleted":
                self._client.restore_experiment(number)
                self.notice = (
                    f"MLflow's experiment {name} ({number}) had been deleted, so it was restored "
                    "with the runs in it. To have it without them: delete it again, remove it for "
                    f"good (mlflow gc --backend-store-uri ... --experiment-ids {number}), and go "
                    "on with --resume."
                )
            if not store.moved_from(experiment.artifact_location, name):
                return number
            # MLflow cannot change the absolute path of artifacts and would make the old folder
            # anew, so the study is sent again, to an experiment beside the moved database.
            self._client.rename_experiment(number, f"{name}, before it was moved ({number})")
        return str(self._client.create_experiment(name, store.artifacts_of(name)))

    def send(self, event: Mapping[str, Any]) -> None:
        """Record an event in MLflow.

        Raises:
            MlflowException: the server does not answer or refuses.
        """
        kind = event["kind"]
        if kind == "study":
            self._send_study(event)
        elif kind == "study_end":
            self._send_artifacts(self._parent, event)
            self._note_study()
            self._note_settings()
            self._send_outcome(self._parent, event)
        elif kind == "start":
            self._send_running(self._child(event))
        elif kind == "report":
            self._send_report(event)
        elif kind == "tag":
            self._client.log_batch(self._child(event), tags=_tags(event["tags"]))
        elif kind == "end":
            self._send_end(event)

    def _send_study(self, event: Mapping[str, Any]) -> None:
        if not self._parent:
            tags = {"kind": "study", STUDY_TAG: event["key"], **event["tags"]}
            run = self._client.create_run(
                self.experiment_id, milliseconds(event["time"]), tags, run_name=event["title"]
            )
            self._parent = run.info.run_id
        self._send_running(self._parent)
        self._note_study()
        view = trials_view(event["varied"])
        self._client.set_experiment_tag(self.experiment_id, VIEW_TAG, view)

    def _send_running(self, run_id: str) -> None:
        self._client.update_run(run_id, status="RUNNING")
        self._client.set_tag(run_id, "outcome", "running")

    def _send_outcome(self, run_id: str, event: Mapping[str, Any], **tags: str) -> None:
        outcome = event["outcome"]
        self._client.log_batch(run_id, tags=_tags({"outcome": outcome, **tags}))
        self._client.set_terminated(
            run_id, STATUS.get(outcome, "KILLED"), milliseconds(event["time"])
        )

    def _child(self, event: Mapping[str, Any]) -> str:
        """Return the run of an event's trial, made if MLflow has none."""
        trial = event["trial"]
        if trial not in self._ids:
            record = self._journal.trials[trial]
            tags = {
                MLFLOW_PARENT_RUN_ID: self._parent,
                "kind": "trial",
                STUDY_TAG: self._study["key"],
                TRIAL_TAG: trial,
                "seed": str(record.fields["seed"]),
                SETTING_TAG: group_name(record.fields, self._study["varied"]),
                NOTE_TAG: trial_note(record, [], self._study["varied"]),
                COLOUR_TAG: self._colour(record),
                **record.tags,
            }
            run = self._client.create_run(
                self.experiment_id, milliseconds(event["time"]), tags, run_name=record.label
            )
            self._ids[trial] = run.info.run_id
            self._steps[trial] = 0
        if trial not in self._described:
            fields = self._journal.trials[trial].fields
            params = [Param(name, str(value)) for name, value in fields.items()]
            self._client.log_batch(self._ids[trial], params=params)
            self._described.add(trial)
        return self._ids[trial]

    def _colour(self, record: TrialRecord) -> str:
        """Return a trial's colour, which the trials entered before it decide."""
        for other in self._journal.records[len(self._colours) :]:
            self._colours[other.trial_id] = self._palette.colour(other.fields)
        return self._colours[record.trial_id]

    def _send_report(self, event: Mapping[str, Any]) -> None:
        run_id, trial, step = self._child(event), event["trial"], event["task"]
        if trial not in self._steps:
            # MLflow has what an earlier sitting sent, perhaps more than its position says.
            history = self._client.get_metric_history(run_id, next(iter(event["metrics"])))
            self._steps[trial] = max((metric.step for metric in history), default=0)
        if step > self._steps[trial]:
            for metrics in portions(report_metrics(event)):
                self._client.log_batch(run_id, metrics, tags=_tags(event["tags"]))
            self._steps[trial] = step

    def _send_end(self, event: Mapping[str, Any]) -> None:
        run_id, record = self._child(event), self._journal.trials[event["trial"]]
        if event["outcome"] == FINISHED:
            # A single step is drawn as a bar.
            metrics = at_step(final_metrics(record), event["time"], step=0)
            self._client.log_batch(run_id, metrics)
            with tempfile.TemporaryDirectory() as temporary:
                picture = Path(temporary) / "accuracy_matrix.png"
                draw_matrix(record.matrix, record.label, picture)
                self._client.log_artifact(run_id, str(picture))
            self._send_artifacts(run_id, event)
            self._client.log_batch(self._parent, self._standing.after(event["trial"]))
            self._note_trial(record, self._groups.of(record))
            self._new.append(record)
            if time.monotonic() >= self._next_note:
                self._note_study()
            if time.monotonic() >= self._next_round:
                self._note_settings()
        else:  # which may wait again by now
            how = {"status": event["outcome"], "error": event.get("error", "")}
            self._note_trial(replace(record, **how), [record])
        error = {"error": event["error"]} if event.get("error") else {}
        self._send_outcome(run_id, event, seconds=f"{record.seconds:.1f}", **error)

    def _note_study(self) -> None:
        """Say on the study's page what its results are, as the journal has them now."""
        began = time.monotonic()
        note = study_note(self._study, self._journal.records)
        self._client.set_tag(self._parent, NOTE_TAG, note)
        now = time.monotonic()
        self._next_note = now + max(NOTE_SECONDS, (now - began) / NOTE_SHARE)

    def _note_settings(self) -> None:
        """Say on the pages of a setting that has changed what its mean is, of all its trials."""
        noted: set[str] = set()
        for record in self._new:
            if record.trial_id not in noted:
                group = self._groups.of(record)
                noted.update(member.trial_id for member in group)
                for member in group:
                    if member.status == FINISHED and member.trial_id in self._ids:
                        self._note_trial(member, group)
        self._new.clear()
        self._next_round = time.monotonic() + NOTE_SECONDS

    def _note_trial(self, record: TrialRecord, group: Sequence[TrialRecord]) -> None:
        note = trial_note(record, group, self._study["varied"])
        self._client.set_tag(self._ids[record.trial_id], NOTE_TAG, note)

    def _send_artifacts(self, run_id: str, event: Mapping[str, Any]) -> None:
        for text in event["artifacts"]:
            path = _moved(Path(text), self._journal.path.parent)
            if path.exists():
                self._client.log_artifact(run_id, str(path))


def _moved(path: Path, folder: Path) -> Path:
    """Return where an artifact is, whose study may have been moved to ``folder`` since."""
    if path.exists():
        return path
    is_trials = path.parts[-3:-2] == ("trials",)
    return folder.joinpath(*path.parts[-3 if is_trials else -1 :])


def _remove_partial_artifacts(run: Run) -> None:
    """Remove what a process that was killed has left of a run's artifacts; MLflow never lists it.

    Where it cannot be removed it stays: nothing needs it to go.
    """
    folder = Path(str(run.info.artifact_uri).removeprefix("file://"))
    for path in folder.glob(".artifact.uploading.*"):
        with suppress(OSError):
            path.unlink()


def _tags(tags: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(name, value) for name, value in tags.items()]


def _worth(run: Run, known: set[str], parents: set[str]) -> tuple[bool, bool, bool, bool, str]:
    """Return which of several runs of one trial is kept: the greatest."""
    number = str(run.info.run_id)
    data = run.data
    return number in known, number in parents, bool(data.params), bool(data.metrics), number
