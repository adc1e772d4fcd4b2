"""A study goes on from Ray's snapshot, as it is now, or says that it cannot."""

import json

import pytest
from tuning.fakes import fake_trial

from charon.tuning.execution.ray_resume import GoingOn, resume_config
from charon.tuning.records.folder import ResultsError


def snapshot(folder, time, content):
    (folder / f"experiment_state-2026-01-01_00-00-{time}.json").write_text(content)


def test_ray_goes_on_from_the_newest_snapshot_that_has_trials(tmp_path):
    assert resume_config(tmp_path / "ray") is None
    snapshot(tmp_path, "01", json.dumps({"trial_data": []}))
    assert resume_config(tmp_path) is None  # Ctrl-C before the first trial
    snapshot(tmp_path, "02", json.dumps({"trial_data": [["a trial", "its state"]]}))
    going_on = resume_config(tmp_path)
    assert (going_on.finished.name, going_on.unfinished.name) == ("SKIP", "RESUME")


def test_what_ray_could_not_read_is_said_before_a_trial_is_learned_again(tmp_path):
    snapshot(tmp_path, "01", '{"trial_data": [[')
    assert resume_config(tmp_path) is not None
    with pytest.raises(ResultsError, match=r"cannot go on from its snapshot .*driver\.log"):
        GoingOn(tmp_path, {}, pytest.fail).on_step_begin(0, [])


def test_which_trials_go_on_is_heard_once_before_another_begins(tmp_path):
    heard = []
    watch = GoingOn(tmp_path, {}, heard.append)
    goes_on, over = fake_trial("goes on"), fake_trial("over", is_over=True)
    watch.on_step_begin(0, [goes_on, over])
    watch.on_step_begin(1, [goes_on, over, fake_trial("new")])
    assert heard == [{"goes on"}]


def test_trials_that_go_on_are_told_where_things_are_now(tmp_path):
    old = fake_trial("old")
    old.config["trial"]["setting"] = {"folder": "moved since"}
    watch = GoingOn(tmp_path, {"folder": "here"}, lambda running: None)
    watch.on_step_begin(0, [old])
    assert old.config["trial"]["setting"] == {"folder": "here"}
    watch.on_step_begin(1, [])
