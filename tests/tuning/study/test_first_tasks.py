"""Trials that share their first task: the same numbers, and a sentence on what was saved."""

import pytest
from tiny_runs import tiny_run
from tuning.fakes import journal_of_sharing

from charon.tuning.execution import trainable
from charon.tuning.records.journal import TrialRecord
from charon.tuning.study.first_tasks import (
    first_task_tag,
    first_tasks_folder,
    leaders_first,
    why_useless,
)
from charon.tuning.study.space import Choice, Real
from charon.tuning.study.study import Study
from charon.tuning.study.trials import expand

ALPHA, ETA = "learner.alpha", "learner.masking_ratio"


def why(**declared):
    study = Study("some", "Which?", seeds=(0,), **declared)
    return why_useless(expand(study), study.space)


@pytest.mark.parametrize(
    "declared",
    [
        {"grid": {ALPHA: [0.1, 0.2]}},
        {"grid": {ETA: [0.0, 0.3], "learner.buffer_size": [500, 2000]}},
        {"cases": [{"learner": "er"}, {}, {"learner.refresh": "new"}]},
        {"space": {ALPHA: Real(0.1, 1)}},
        {"space": {ETA: Choice((0.0, 0.3)), ALPHA: Choice((0.1, 0.3))}},
    ],
)
def test_trials_that_differ_in_what_acts_later_may_share(declared):
    assert why(**declared) == ""


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ({"grid": {ETA: [0.0, 0.3]}}, "no two runs agree"),
        ({"grid": {"learner": ["er", "finetune"]}}, "uses all of their settings"),
        ({"base": {"data.stream": "joint"}, "grid": {ALPHA: [0.1, 0.2]}}, "uses all"),
        ({"space": {"learner.gamma": Real(0, 1), ALPHA: Real(0, 1)}}, "draws learner.gamma"),
    ],
)
def test_where_nothing_can_be_shared_the_study_says_why(declared, reason):
    sentence = why(**declared)
    assert sentence.startswith("--share-first-task has nothing to share here: ")
    assert reason in sentence


def test_those_that_share_do_not_start_side_by_side():
    grid = {"learner": ["er", "charon"], "learner.buffer_size": [5, 9]}
    trials = expand(Study("some", "Which?", grid=grid, seeds=(0, 1)))
    assert [trial.label for trial in leaders_first(trials)] == [
        "er s1 M5 seed0",
        "er s1 M9 seed0",
        "charon eta0.30 s5 M5 seed0",
        "er s1 M5 seed1",
        "er s1 M9 seed1",
        "charon eta0.30 s5 M5 seed1",
        "charon eta0.30 s5 M9 seed0",
        "charon eta0.30 s5 M9 seed1",
    ]


def test_the_tags_of_a_trial_say_where_its_first_task_comes_from(tmp_path):
    assert first_task_tag({"time/shared_seconds": 3.0}) == {"first_task": "reused"}
    assert first_task_tag({"time/shared_seconds": 0.0}) == {"first_task": "learned"}
    assert first_task_tag({}) == {}
    trials = journal_of_sharing(tmp_path, [2.0, None]).trials
    assert trials["t0"].tags["first_task"] == "reused"
    assert "first_task" not in trials["t1"].tags


@pytest.mark.parametrize("share", [True, False])
def test_a_trial_shares_only_where_the_study_was_told_to(share, monkeypatch, two_bodies, tmp_path):
    monkeypatch.setattr(trainable, "prepare", lambda *args, **more: two_bodies)
    (tmp_path / "progress").mkdir()
    setting = trainable.TrialContext("t", str(tmp_path), str(tmp_path), "faa", 1.0, 0.0, share)
    told = []
    for alpha in (0.1, 0.9):
        record = TrialRecord(f"t{alpha}", "", tiny_run(learner__alpha=alpha).to_flat())
        told.append(list(trainable.reports(trainable.trial_config(setting, record))))
    first, second = told
    saved = [report["metrics"].get("time/shared_seconds") for report in (first[-1], second[-1])]
    assert first_tasks_folder(str(tmp_path)).exists() == share
    assert (saved[0] == 0 and saved[1] > 0) if share else saved == [None, None]
    # The phase itself is the same; what differs by α comes after it.
    losses = [report[0]["metrics"]["train/loss/total"] for report in (first, second)]
    assert losses[0] == losses[1]
