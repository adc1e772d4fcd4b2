"""What Ray tells the driver is recorded once, and the tables are always whole."""

import csv
import math

import pytest
from tuning.fakes import fake_result, fake_trial

from charon.errors import CheckpointError
from charon.tuning.execution.callbacks import Recorder
from charon.tuning.records.journal import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    LOST,
    PENDING,
    PRUNED,
    Journal,
)
from charon.tuning.records.tables import Tables


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "progress").mkdir()
    return tmp_path


def recorder(folder):
    return Recorder(Journal(folder / "journal.jsonl"), folder, {"dataset": "tiny"})


def play(recorder, trial, tasks, num_tasks=3):
    recorder.on_trial_start(0, [trial], trial)
    for task in tasks:
        recorder.on_trial_result(0, [trial], trial, fake_result(task, num_tasks, 90.0 - task))


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def status(folder, name="t1"):
    return Journal(folder / "journal.jsonl").trials[name].status


def test_a_trial_that_learned_all_tasks_is_finished(folder):
    one, trial = recorder(folder), fake_trial()
    play(one, trial, [1, 2, 3])
    one.on_trial_complete(0, [trial], trial)
    assert status(folder) == FINISHED


def test_a_trial_stopped_before_its_last_task_is_pruned(folder):
    one, trial = recorder(folder), fake_trial()
    play(one, trial, [1, 2])
    one.on_trial_complete(0, [trial], trial)
    assert status(folder) == PRUNED


def test_a_task_reported_again_after_a_restart_counts_once(folder):
    play(recorder(folder), fake_trial(), [1, 2])
    again = recorder(folder)
    play(again, fake_trial(), [2, 3])
    again.on_trial_complete(0, [], fake_trial())
    rows = read(folder / "curves.csv")
    assert [row["task"] for row in rows] == ["1", "2", "3"]


def test_final_metrics_are_empty_unless_all_tasks_were_learned(folder):
    one, done, stopped = recorder(folder), fake_trial("t1"), fake_trial("t2", seed=1)
    play(one, done, [1, 2, 3])
    one.on_trial_complete(0, [], done)
    play(one, stopped, [1])
    one.on_trial_complete(0, [], stopped)
    rows = {row["trial_id"]: row for row in read(folder / "trials.csv")}
    assert rows["t1"]["test/faa"] == "87.0"
    assert rows["t2"]["test/faa"] == ""
    assert rows["t2"]["tasks_seen"] == "1"


def test_the_tables_have_the_columns_a_reader_expects(folder):
    one, trial = recorder(folder), fake_trial()
    play(one, trial, [1, 2, 3])
    one.on_trial_complete(0, [], trial)
    (row,) = read(folder / "trials.csv")
    expected = {"trial_id", "learner", "learner.masking_ratio", "seed", "status", "test/faa"}
    assert expected <= set(row)
    curve = read(folder / "curves.csv")[0]
    assert {"trial_id", "task", "learner.masking_ratio", "seed", "test/faa"} <= set(curve)


def test_an_interrupted_study_has_its_tables_and_says_what_was_running(folder):
    one, running, waiting = recorder(folder), fake_trial("t1"), fake_trial("t2")
    one.on_step_begin(0, [running, waiting])
    play(one, running, [1, 2])
    one.on_experiment_end([running, waiting])
    assert (status(folder, "t1"), status(folder, "t2")) == (INTERRUPTED, PENDING)
    assert [row["task"] for row in read(folder / "curves.csv")] == ["1", "2"]


def test_a_trial_that_ray_does_not_know_after_a_restart_is_lost(folder):
    play(recorder(folder), fake_trial("gone"), [1])
    recorder(folder).on_experiment_end([])
    assert status(folder, "gone") == LOST


def test_a_trial_interrupted_by_an_error_before_rays_snapshot_is_lost_after_a_restart(folder):
    one, trial = recorder(folder), fake_trial("gone")
    play(one, trial, [1])
    one.on_experiment_end([trial])
    assert status(folder, "gone") == INTERRUPTED
    recorder(folder).on_experiment_end([])
    assert status(folder, "gone") == LOST


def test_a_failed_trial_says_why(folder):
    one, trial = recorder(folder), fake_trial()
    one.on_trial_start(0, [], trial)
    (folder / "progress" / "label_t1.failure").write_text("The loss became nan.")
    one.on_trial_error(0, [], trial)
    record = Journal(folder / "journal.jsonl").trials["t1"]
    assert (record.status, record.error) == (FAILED, "The loss became nan.")


def test_a_trial_whose_process_was_killed_each_time_says_what_to_lower(folder):
    one, trial = recorder(folder), fake_trial()
    one.on_trial_error(0, [], trial)
    assert "memory" in Journal(folder / "journal.jsonl").trials["t1"].error


def test_a_metric_that_is_not_a_number_is_left_out(folder):
    one, trial = recorder(folder), fake_trial()
    one.on_trial_start(0, [], trial)
    result = fake_result(1)
    result["metrics"]["test/bwt"] = math.nan
    one.on_trial_result(0, [], trial, result)
    assert "test/bwt" not in read(folder / "curves.csv")[0]


def test_a_joint_stream_reports_once_and_is_finished(folder):
    one, trial = recorder(folder), fake_trial()
    play(one, trial, [3])
    one.on_trial_complete(0, [], trial)
    assert status(folder) == FINISHED


def test_a_last_line_cut_off_by_a_crash_is_dropped(folder):
    play(recorder(folder), fake_trial(), [1, 2])
    path = folder / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    cut_off = path.read_bytes()
    journal = Journal(path)
    assert journal.trials["t1"].tasks_seen == 1
    # Only whoever goes on writing drops it: beside one who writes it is only half there yet.
    assert path.read_bytes() == cut_off
    journal.append("end", "t1", outcome=INTERRUPTED)
    assert Journal(path).trials["t1"].status == INTERRUPTED


def test_a_file_that_is_no_journal_is_an_error_that_names_the_line(folder):
    (folder / "journal.jsonl").write_text("something else\n")
    with pytest.raises(CheckpointError, match="line 1"):
        Journal(folder / "journal.jsonl")


def test_a_searchs_trial_keeps_its_number_and_a_grids_table_has_none(folder):
    one, trial = recorder(folder), fake_trial()
    play(one, trial, [1])
    Tables(folder).write(Journal(folder / "journal.jsonl"))
    assert "number" not in read(folder / "trials.csv")[0]
    other = Journal(folder / "search.jsonl")
    other.append("suggestion", number=7, ray="t1", fields={})
    other.append("trial", "t1", label="some #7", fields={"learner": "charon"}, tags={})
    Tables(folder).write(Journal(folder / "search.jsonl"))
    assert read(folder / "trials.csv")[0]["number"] == "7"
