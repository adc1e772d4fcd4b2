"""Finished trials' saved models, scored on the test set after the search: no training.

A search never sees the test set. What its report says of it comes from here, from each
trial's ``model.pt``; the metrics lie beside it, so nothing is scored twice.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import ray
import torch
from ray.exceptions import RayError, RayTaskError

from charon.data.prepare import prepare
from charon.errors import CharonError
from charon.files import read_json, write_json
from charon.text import first_line
from charon.training import metrics
from charon.training.artifacts import load_model
from charon.training.evaluation import score
from charon.training.tasks import Tasks
from charon.tuning.execution.trainable import outputs_folder
from charon.tuning.records.journal import TrialRecord

SCORES = "test_scores.json"
"""File in a trial's folder."""


class ScoringError(CharonError):
    """A finished trial's model could not be scored on the test set."""


def score_on_test(folder: Path, cache: Path) -> dict[str, float]:
    """Return the metrics on the test set of the model in a finished trial's folder.

    The test set is that of the trial's own benchmark and class order. The names are those a
    run has that is evaluated on it: ``test/faa``, ``test/task_il_faa`` and
    ``test/acc/task_01`` on.

    Raises:
        CheckpointError: there is no model, or it cannot be read.
    """
    model = load_model(folder)
    run = model.run.replace({"data.evaluate_on": "test"})
    archive = prepare(run.data.path, cache, keep_gaps=run.data.keep_gaps)
    tasks = Tasks(archive, run.data, run.seed)
    every, own = [], []
    for task in tasks.tasks:
        scored = score(model.learner, tasks.load(task.test, "test"), task.classes, model.device)
        every.append(scored.accuracy(range(tasks.num_classes)))
        own.append(scored.accuracy(task.classes))
    return {
        "test/faa": metrics.average_accuracy(np.asarray(every)),
        "test/task_il_faa": metrics.average_accuracy(np.asarray(own)),
        **{f"test/acc/task_{k:02d}": accuracy for k, accuracy in enumerate(every, start=1)},
    }


def score_trials(
    records: Sequence[TrialRecord],
    study_folder: Path,
    cache: Path,
    *,
    cpus: float,
    gpus: float,
    on_scored: Callable[[int, int], None],
) -> dict[str, dict[str, float]]:
    """Score the models of finished trials on Ray, each once, and return them by trial.

    Args:
        records: finished trials.
        study_folder: of the search.
        cache: of the prepared sets.
        cpus: cores that one model takes, as a trial did.
        gpus: of one model.
        on_scored: called with how many are done and how many there are.

    Raises:
        ScoringError: one could not be scored, whatever the reason.
    """
    folders = {r.trial_id: outputs_folder(str(study_folder), r.label) for r in records}
    waiting = [folder for folder in folders.values() if not (folder / SCORES).exists()]
    remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=1)(_score_and_write)
    pending = [remote.remote(str(folder), str(cache), cpus) for folder in waiting]
    while pending:
        done, pending = ray.wait(pending)
        try:
            ray.get(done)
        except RayError as error:
            for other in pending:
                ray.cancel(other)
            raise ScoringError(explain(error)) from error
        on_scored(len(folders) - len(pending), len(folders))
    return {name: read_json(folder / SCORES) for name, folder in folders.items()}


def explain(error: RayError) -> str:
    """Say in one sentence why a model was not scored, without Ray's traceback."""
    cause = error.cause if isinstance(error, RayTaskError) else error
    if isinstance(cause, CharonError):
        return str(cause)
    return f"A saved model could not be scored ({type(cause).__name__}: {first_line(cause)})."


def _score_and_write(folder: str, cache: str, cpus: float) -> None:

    torch.set_num_threads(max(1, int(cpus)))
    scores = score_on_test(Path(folder), Path(cache))
    write_json(Path(folder) / SCORES, scores)
