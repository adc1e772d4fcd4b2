"""`--json`: every command has it, and what it prints is JSON."""

import json

import pytest
from cli.small_sets import tiny
from tuning.records.test_why import folder as search  # noqa: F401 (a fixture)

from charon.cli.commands import ui


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_prepared_set(finished, charon):
    said = json.loads(charon("prepare", finished.data, "--cache", finished.cache, "--json").out)
    assert (said["clips"], said["clips_of_two"], said["left_out"]) == (24, 12, [])
    [listed] = json.loads(charon("cache", "list", "--cache", finished.cache, "--json").out)
    assert listed == {name: value for name, value in said.items() if name != "seconds"}
    show = ["cache", "show", said["name"], "--cache", finished.cache, "--json"]
    assert json.loads(charon(*show).out) == [listed]


def test_a_set_that_is_deleted_or_damaged(tmp_path, charon):
    (tmp_path / "some-0123456789ab").mkdir()
    (tmp_path / "some-0123456789ab" / "archive.json").write_text("{}")
    [listed] = json.loads(charon("cache", "list", "--cache", tmp_path, "--json").out)
    assert listed["error"]
    delete = ["cache", "delete", listed["name"], "--cache", tmp_path, "--json"]
    [deleted] = json.loads(charon(*delete).out)
    assert deleted["bytes"] == 2


def test_the_fields_of_a_learner(charon):
    entries = json.loads(charon("fields", "--learner", "er", "--json").out)
    by_name = {entry["field"]: entry for entry in entries}
    assert by_name["optimiser.batch_size"]["default"] == 16
    assert {entry["learner"] for entry in entries} == {"er"}


def test_a_run_has_a_line_for_each_task_and_one_for_its_end(tmp_path, finished, charon):
    output = tmp_path / "run"
    words = ["run", "--data", finished.data, "--cache", finished.cache, "--output", output]
    *tasks, end = lines(charon(*words, *tiny(), "--json").out)
    assert [task["task"] for task in tasks] == list(range(1, tasks[0]["num_tasks"] + 1))
    assert tasks[-1]["metrics"]["test/faa"] == pytest.approx(end["faa"])
    assert end["output"] == str(output)


def test_predictions(finished, charon):
    words = ["predict", finished.folder, finished.data, "--cache", finished.cache]
    rows = lines(charon(*words, "--json").out)
    assert [row["clip"] for row in rows] == [f"clip-{k:06d}" for k in range(24)]
    assert all(0 <= best["probability"] <= 1 for row in rows for best in row["best"])


def test_a_drawing(finished, charon, tmp_path):
    words = ["show", finished.data, "--cache", finished.cache, "--output", tmp_path / "a.svg"]
    said = json.loads(charon(*words, "--json").out)
    assert said["output"] == str(tmp_path / "a.svg")
    assert said["clip"] == "clip-000000"


def test_a_page(tmp_path, charon, monkeypatch):
    monkeypatch.setattr(ui.os, "execve", lambda *call: None)
    (tmp_path / "mlflow.db").touch()
    said = json.loads(charon("ui", tmp_path, "--json").out)
    assert said["page"] == "http://127.0.0.1:5000/"


def test_why_a_trial_was_stopped(search, charon):  # noqa: F811
    said = json.loads(charon("why", search, "run 3", "--json").out)
    assert (said["status"], said["tasks_seen"], said["others"]["run 1"]) == ("pruned", 2, 60.0)
    text = charon("why", search, "3").out
    assert "run 3: it was stopped after 2 of 6 tasks" in text
    assert "python search.py --number 3" in text
