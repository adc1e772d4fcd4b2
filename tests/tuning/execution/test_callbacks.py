"""What Ray tells the driver is recorded once, and the tables are always whole."""

import csv
import math

import pytest
from small_disk import files_of_at_most
from tuning.fakes import enter, fake_result

from charon.tuning.execution.callbacks import Recorder
from charon.tuning.execution.trainable import checkpoint_folder
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, PENDING, PRUNED, Journal


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "progress").mkdir()
    return tmp_path


@pytest.fixture
def journal(folder):
    return Journal(folder / "journal.jsonl")


@pytest.fixture
def recorder(journal, folder):
    return Recorder(journal, folder, lambda kind, trial_id: None)


def play(recorder, trial, tasks, num_tasks=3):
    recorder.on_trial_start(0, [trial], trial)
    for task in tasks:
        recorder.on_trial_result(0, [trial], trial, fake_result(task, num_tasks, 90.0 - task))


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def status(folder, name="t1"):
    return Journal(folder / "journal.jsonl").trials[name].status


@pytest.mark.parametrize(("tasks", "outcome"), [([1, 2, 3], FINISHED), ([1, 2], PRUNED)])
def test_a_trial_ends_after_its_last_task_or_is_pruned(journal, recorder, folder, tasks, outcome):
    trial = enter(journal)
    play(recorder, trial, tasks)
    recorder.on_trial_complete(0, [trial], trial)
    assert status(folder) == outcome


def test_a_joint_stream_reports_once_and_is_finished(journal, recorder, folder):
    trial = enter(journal)
    play(recorder, trial, [3])
    recorder.on_trial_complete(0, [trial], trial)
    assert status(folder) == FINISHED


def test_a_checkpoint_goes_with_the_end_of_its_trial_unless_that_failed(journal, recorder, folder):
    for name in ("done", "failed"):
        checkpoint_folder(str(folder), name).mkdir(parents=True)
        play(recorder, enter(journal, name), [1, 2, 3])
    recorder.on_trial_complete(0, [], enter(journal, "done"))
    recorder.on_trial_error(0, [], enter(journal, "failed"))
    assert [path.name for path in folder.glob("checkpoints/*")] == ["failed"]


def test_a_task_reported_again_after_a_restart_counts_once(journal, recorder, folder):
    trial, heard = enter(journal), []
    play(recorder, trial, [1, 2])
    journal = Journal(folder / "journal.jsonl")
    again = Recorder(journal, folder, lambda kind, name: heard.append(kind))
    play(again, trial, [1, 2, 3])
    again.on_trial_complete(0, [], trial)
    assert [row["task"] for row in read(folder / "curves.csv")] == ["1", "2", "3"]
    assert heard == ["start", "report", "end"]


def test_a_report_that_the_driver_never_got_is_made_up_for(journal, recorder, folder):
    trial = enter(journal)
    play(recorder, trial, [1, 3])  # the second was lost
    play(recorder, trial, [1, 2, 3])
    assert sorted(Journal(folder / "journal.jsonl").trials["t1"].curve) == [1, 2, 3]


def test_the_tables_have_the_columns_a_reader_expects(journal, recorder, folder):
    trial = enter(journal)
    play(recorder, trial, [1, 2, 3])
    recorder.on_trial_complete(0, [trial], trial)
    (row,) = read(folder / "trials.csv")
    expected = {"trial_id", "learner", "learner.masking_ratio", "seed", "status", "test/faa"}
    assert expected <= set(row)
    curve = read(folder / "curves.csv")[0]
    assert {"trial_id", "task", "learner.masking_ratio", "seed", "test/faa"} <= set(curve)


def test_an_interrupted_study_has_its_tables_and_says_what_was_running(journal, recorder, folder):
    running, waiting = enter(journal, "t1"), enter(journal, "t2")
    play(recorder, running, [1, 2])
    recorder.on_experiment_end([running, waiting])
    assert (status(folder, "t1"), status(folder, "t2")) == (INTERRUPTED, PENDING)
    assert [row["task"] for row in read(folder / "curves.csv")] == ["1", "2"]


def test_an_error_of_a_trials_own_is_tried_again_once_and_no_second_start_is_recorded(
    journal, recorder, folder
):
    trial = enter(journal)
    play(recorder, trial, [1])
    (folder / "progress" / "t1.failure").write_text("The loss became nan.")
    recorder.on_trial_recover(0, [trial], trial)
    assert trial.max_failures == 0
    recorder.on_trial_start(0, [trial], trial)
    assert sum(1 for _ in journal.of_kind("start")) == 1


def test_a_failed_trial_says_why(journal, recorder, folder):
    trial = enter(journal)
    recorder.on_trial_start(0, [], trial)
    (folder / "progress" / "t1.failure").write_text("The loss became nan.")
    recorder.on_trial_error(0, [], trial)
    record = Journal(folder / "journal.jsonl").trials["t1"]
    assert (record.status, record.error) == (FAILED, "The loss became nan.")


def test_a_trial_whose_process_was_killed_each_time_says_what_to_lower(journal, recorder, folder):
    recorder.on_trial_error(0, [], enter(journal))
    assert "memory" in Journal(folder / "journal.jsonl").trials["t1"].error


def test_a_metric_that_is_not_a_number_is_left_out(journal, recorder, folder):
    trial = enter(journal)
    recorder.on_trial_start(0, [], trial)
    result = fake_result(1)
    result["metrics"]["test/bwt"] = math.nan
    recorder.on_trial_result(0, [], trial, result)
    assert "test/bwt" not in journal.trials["t1"].curve[1]


def test_the_tables_are_not_written_anew_with_every_report(journal, recorder, folder):
    trial = enter(journal)
    play(recorder, trial, [1, 2])
    assert read(folder / "curves.csv") == []
    recorder.on_trial_complete(0, [], trial)
    assert len(read(folder / "curves.csv")) == 2


def test_of_many_trials_the_tables_are_whole_at_the_end(journal, recorder, folder, monkeypatch):
    monkeypatch.setattr("charon.tuning.execution.callbacks.MANY", 0)
    trial = enter(journal)
    play(recorder, trial, [1, 2])
    recorder.on_trial_complete(0, [], trial)
    assert read(folder / "curves.csv") == []
    recorder.on_experiment_end([trial])
    assert len(read(folder / "curves.csv")) == 2


def test_what_cannot_be_written_ends_the_study_and_nothing_builds_on_what_is_missing(
    journal, recorder, folder
):
    trial = enter(journal)
    play(recorder, trial, [1, 2])
    checkpoint_folder(str(folder), "t1").mkdir(parents=True)
    with files_of_at_most(journal.path.stat().st_size + 20):
        recorder.on_trial_result(0, [trial], trial, fake_result(3))
    recorder.on_trial_complete(0, [trial], trial)  # as far as Ray knows, it is
    with pytest.raises(OSError):
        recorder.on_step_begin(0, [trial])
    with pytest.raises(OSError):
        recorder.on_experiment_end([trial])
    assert status(folder) == INTERRUPTED
    assert sorted(Journal(folder / "journal.jsonl").trials["t1"].curve) == [1, 2]
    assert [path.name for path in folder.glob("checkpoints/*")] == ["t1"]


def test_tables_that_cannot_be_written_end_no_trial_twice(journal, recorder, folder):
    trial = enter(journal)
    play(recorder, trial, [1, 2, 3])
    (folder / "trials.csv").unlink()
    (folder / "trials.csv").mkdir()
    recorder.on_trial_complete(0, [trial], trial)
    with pytest.raises(IsADirectoryError):
        recorder.on_step_begin(0, [trial])
    assert status(folder) == FINISHED


def test_before_each_step_of_ray_the_study_may_be_ended(journal, folder):
    def check():
        raise KeyboardInterrupt

    recorder = Recorder(journal, folder, lambda kind, trial_id: None, check)
    with pytest.raises(KeyboardInterrupt):
        recorder.on_step_begin(0, [])
