"""Scores of finished trials on the test set, from their saved models, after the search.

A search never sees the test set. The metrics are kept beside ``model.pt``, so that no model is
scored twice.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import ray
import torch
from ray.exceptions import RayError, RayTaskError

from charon.data.prepare import prepare
from charon.errors import CharonError
from charon.files import read_json, reading_from, write_json
from charon.plain import conform
from charon.text import first_line
from charon.training.artifacts import load_model
from charon.training.evaluation import Evaluation
from charon.training.tasks import Tasks
from charon.tuning.execution.trainable import outputs_folder
from charon.tuning.records.journal import TrialRecord

SCORES = "test_scores.json"
"""File in a trial's folder."""


class ScoringError(CharonError):
    """A finished trial's model could not be scored on the test set."""


def score_on_test(folder: Path, cache: Path, cpus: float) -> dict[str, float]:
    """Score the model in a finished trial's folder on the test set; write and return the metrics.

    The test set is that of the trial's benchmark and class order; the metrics are
    ``test/faa``, ``test/task_il_faa``, ``test/accuracy`` and ``test/acc/task_01`` on. It takes
    ``cpus`` threads.

    Raises:
        CheckpointError: the model does not exist or cannot be read.
    """
    torch.set_num_threads(max(1, int(cpus)))
    model = load_model(folder)
    # Evaluated once, after all tasks, as the joint stream is: no metric of a whole stream.
    run = model.run.replace({"data.evaluate_on": "test", "data.stream": "joint"})
    archive = prepare(run.data.path, cache, reading=run.data.reading)
    tasks = Tasks(archive, run.data, run.seed)
    evaluation = Evaluation(run, tasks, model.learner)
    evaluation.measure(len(tasks.tasks))
    scores = evaluation.metrics()
    write_json(folder / SCORES, scores)
    return scores


def score_trials(
    records: Sequence[TrialRecord],
    study_folder: Path,
    cache: Path,
    *,
    cpus: float,
    gpus: float,
    on_scored: Callable[[int, int], None],
) -> dict[str, dict[str, float]]:
    """Score the models of finished trials on Ray, each once; return the metrics by trial id.

    Scoring takes the cpus and gpus of a trial; ``on_scored`` is called with the number of scored
    models and of all.

    Raises:
        ScoringError: a model could not be scored, whatever the reason; says it in a sentence.
    """
    folders = {r.trial_id: outputs_folder(str(study_folder), r.label) for r in records}
    waiting = [folder for folder in folders.values() if not (folder / SCORES).exists()]
    remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=1)(score_on_test)
    pending = [remote.remote(folder, cache, cpus) for folder in waiting]
    while pending:
        done, pending = ray.wait(pending)
        try:
            ray.get(done)
        except RayError as error:
            for other in pending:
                ray.cancel(other)
            cause = error.cause if isinstance(error, RayTaskError) else error
            what = f"{type(cause).__name__}: {first_line(cause)}"
            text = f"A saved model could not be scored ({what})."
            raise ScoringError(str(cause) if isinstance(cause, CharonError) else text) from error
        on_scored(len(folders) - len(pending), len(folders))
    return {name: _read_scores(folder / SCORES) for name, folder in folders.items()}


def _read_scores(path: Path) -> dict[str, float]:
    with reading_from(path, "remove it, and the model is scored again", ScoringError):
        scores: dict[str, float] = conform(read_json(path), dict[str, float])
        return scores
