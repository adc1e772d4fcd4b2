"""Saved models on the test set: the numbers that the run itself would have had."""

from types import SimpleNamespace

import pytest
import torch
from ray.exceptions import RayTaskError, WorkerCrashedError
from tiny_runs import learn, tiny_run
from tuning.search_records import PAPER

from charon.errors import DataError
from charon.training.artifacts import write_outputs
from charon.tuning.selection import scoring
from charon.tuning.selection.scoring import ScoringError, score_on_test, score_trials


@pytest.mark.parametrize("learner", ["charon", "icarl"])
def test_a_saved_model_has_the_test_metrics_of_its_run(two_bodies, tmp_path, monkeypatch, learner):
    stream, results = learn(tiny_run(learner, data__class_order="shuffled(1)"), two_bodies)
    write_outputs(tmp_path, stream)
    monkeypatch.setattr(scoring, "prepare", lambda *_, **__: two_bodies)
    scores = score_on_test(tmp_path, tmp_path, 1.0)
    names = {"faa", "task_il_faa", "accuracy", *(f"acc/task_{k:02d}" for k in (1, 2, 3))}
    assert scores == pytest.approx({f"test/{n}": results[-1].metrics[f"test/{n}"] for n in names})


def test_the_model_of_a_search_is_scored_on_clips_that_the_search_left_alone(
    two_bodies, tmp_path, monkeypatch
):
    stream, results = learn(tiny_run(data__evaluate_on="val", data__val_fraction=0.25), two_bodies)
    assert not [name for name in results[-1].metrics if name.startswith("test/")]
    write_outputs(tmp_path, stream)
    monkeypatch.setattr(scoring, "prepare", lambda *_, **__: two_bodies)
    assert set(score_on_test(tmp_path, tmp_path, 1.0)) >= {"test/faa", "test/acc/task_03"}


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (DataError("some.npz is gone."), "^some.npz is gone.$"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to\nallocate"), r"OutOf.*memory\. Tr"),
        (None, "WorkerCrashedError: .*died"),
    ],
)
def test_whatever_stops_a_scoring_is_said_in_one_sentence(tmp_path, monkeypatch, problem, said):
    error = WorkerCrashedError()
    if problem is not None:
        error = RayTaskError("score", "Traceback of many lines", problem).as_instanceof_cause()

    def get(done):
        raise error

    process = SimpleNamespace(remote=lambda *_: 0)
    ray = SimpleNamespace(remote=lambda **_: lambda _: process, wait=lambda p: (p, []), get=get)
    monkeypatch.setattr(scoring, "ray", ray)
    with pytest.raises(ScoringError, match=said) as raised:
        score_trials([PAPER], tmp_path, tmp_path, cpus=1, gpus=0, on_scored=lambda *_: None)
    assert "\n" not in str(raised.value)
