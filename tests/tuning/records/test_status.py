"""The status of a study, from its folder."""

import fcntl
import os

import pytest
from tuning.session.test_resume import plan

from charon.errors import CheckpointError
from charon.files import write_json
from charon.tuning.records.journal import Journal
from charon.tuning.records.status import is_locked, read_status


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    plan(num_trials=3).write(folder)
    journal = Journal(folder / "journal.jsonl")
    journal.append("study", key="k", title="t", varied=[], tags={})
    for name in ("a", "b"):
        journal.append("trial", name, label=f"run {name}", fields={}, tags={})
        journal.append("start", name)
    report = {"metrics": {"test/faa": 50.0}, "matrix": [[50.0]], "seconds": 2.0}
    journal.append("report", "a", task=1, num_tasks=1, **report)
    journal.append("end", "a", outcome="finished")
    return folder


def test_a_study_at_which_nobody_works_is_interrupted(folder):
    status = read_status(folder)
    assert status.state == "interrupted"
    assert status.counts() == {"finished": 1, "interrupted": 1}
    assert status.num_left == 2


def test_a_running_study_says_how_far_its_trials_are(folder):
    (folder / "progress").mkdir()
    write_json(folder / "progress" / "b.json", [1, 3, 8, "main", 0.0])
    lock = os.open(folder.with_name(f".{folder.name}.lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert is_locked(folder)
        status = read_status(folder)
    finally:
        os.close(lock)
    assert status.state == "running"
    assert status.beats["b"].epoch == 3
    content = status.as_json()
    assert content["left"] == 2
    assert content["trials"][0]["metrics"] == {"test/faa": 50.0}
    assert content["trials"][1]["progress"]["phase"] == "main"


def test_a_study_that_is_over_is_finished(folder):
    journal = Journal(folder / "journal.jsonl")
    journal.append("end", "b", outcome="finished")
    journal.append("trial", "c", label="run c", fields={}, tags={})
    journal.append("end", "c", outcome="finished")
    assert read_status(folder).state == "finished"
    journal.append("end", "c", outcome="failed", error="because")
    assert read_status(folder).state == "failed"


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="holds no study"):
        read_status(tmp_path)
