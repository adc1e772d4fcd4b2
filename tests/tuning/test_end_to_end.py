"""Whole studies through Ray, Optuna and MLflow, as a user starts them."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from faults.facts import trials
from faults.history import broken
from tuning.study_runs import LONG, finish, read_table, start, wait_for, write_clips


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("data") / "tiny.npz")


def statuses(folder):
    return [row["status"] for row in read_table(folder, "trials.csv")]


def logged(folder):
    """Return what MLflow has: outcome and steps of every run by its name.

    No epoch of a run is missing and none is there twice.
    """
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("tiny")
    found = {}
    for run in client.search_runs([experiment.experiment_id]):
        history = client.get_metric_history(run.info.run_id, "test/faa")
        name = run.info.run_name if run.data.tags["kind"] == "trial" else "study"
        assert name not in found
        losses = client.get_metric_history(run.info.run_id, "epoch/train/loss/total")
        more = client.get_metric_history(run.info.run_id, "epoch/probe/loss/total")
        epochs = sorted(metric.step for metric in [*losses, *more])
        assert epochs == list(range(1, len(epochs) + 1))
        found[name] = (run.data.tags["outcome"], sorted(metric.step for metric in history))
    return found


def test_a_study_runs_from_data_to_tables_and_mlflow(clips, tmp_path):
    out = finish(start(clips, tmp_path))
    rows = read_table(tmp_path, "trials.csv")
    assert [row["status"] for row in rows] == ["finished"] * 3
    assert [row["learner"] for row in rows] == ["charon", "charon", "finetune"]
    assert all(float(row["test/faa"]) > 0 for row in rows)
    assert all(float(row["train/epochs_per_hour"]) > 0 for row in rows)
    assert len(read_table(tmp_path, "curves.csv")) == 3 * 3
    models = (tmp_path / "tiny" / "trials").glob("*/model.pt")
    folders = {row["name"].replace(" ", "_") for row in rows}
    assert {path.parent.name for path in models} == folders
    assert "task 3/3" in out
    assert "best so far" not in out  # a grid selects nothing
    for expected in ("get-auth-token", f"charon ui {tmp_path}", "README.md", "figure.png"):
        assert expected in out
    found = logged(tmp_path)
    assert found.pop("study") == ("finished", [])
    assert list(found.values()) == [("finished", [1, 2, 3])] * 3
    assert not (tmp_path / "tiny" / "checkpoints").exists()


def optuna_study(folder):
    from charon.tuning.records.plan import read_plan
    from charon.tuning.sampling.optuna_study import load_optuna_study

    return load_optuna_study(folder / "tiny", read_plan(folder / "tiny"))


def is_the_papers(row):
    return (row["learner.masking_ratio"], row["learner.alpha"]) == ("0.3", "0.3")


def check_what_follows(folder, rows):
    """The winner is written down, confirmed on all clips with another seed, and reported."""
    selection = json.loads((folder / "selection.json").read_text())
    best = max((r for r in rows if r["status"] == "finished"), key=lambda r: float(r["val/faa"]))
    assert selection["winner"]["trial_id"] == best["trial_id"]
    ready = json.loads((folder / "winner.json").read_text())
    assert (ready["seed"], ready["data.evaluate_on"]) == (2, "test")
    runs = [json.loads(p.read_text()) for p in folder.glob("confirm/trials/*/run.json")]
    assert len(runs) in (1, 2)  # one where the paper's setting has won
    assert {(run["run"]["seed"], run["validation"]) for run in runs} == {(2, "none")}
    assert ready in [run["run"] for run in runs]
    scored = {path.parent.name for path in folder.glob("trials/*/test_scores.json")}
    assert scored == {r["name"].replace(" ", "_").replace("#", "_") for r in rows if r["val/faa"]}
    assert {path.name for path in folder.glob("plots/*.html")} >= {"history.html", "timeline.html"}
    assert "neither the search nor the selection saw a test clip" in (
        (folder / "README.md").read_text()
    )


def test_a_search_runs_on_validation_clips_and_is_extended_knowing_its_trials(clips, tmp_path):
    out = finish(start(clips, tmp_path, "--trials", "2", "--confirm-seeds", "1", mode="search"))
    first = read_table(tmp_path, "trials.csv")
    assert len(first) == 2
    assert [row["status"] for row in first if is_the_papers(row)] == ["finished"]
    assert "val/faa" in first[0]
    assert "test/faa" not in first[0]
    assert "Confirmed test FAA % of" in out
    searched, _, confirmed = out.partition("Confirming")
    assert "best so far" in searched
    assert "best so far" not in confirmed  # it selects nothing
    check_what_follows(tmp_path / "tiny", first)
    said = finish(start(clips, tmp_path, "--extend", "1", "--dry-run", mode="search"))
    assert "3 trials, 2 done, 1 to run" in said
    assert "Study     at most about" in said
    more = ["--extend", "1", "--confirm-seeds", "0"]
    out = finish(start(clips, tmp_path, *more, mode="search"))
    assert "Going on: 2 of 3 trials are done." in out
    assert "Confirmed" not in out
    assert "Failed to fetch metrics" not in (tmp_path / "tiny" / "driver.log").read_text()
    rows = read_table(tmp_path, "trials.csv")
    assert [row["trial_id"] for row in rows[:2]] == [row["trial_id"] for row in first]
    assert [is_the_papers(row) for row in rows].count(True) == 1
    names = [row["trial_id"] for row in rows]
    assert [trial.user_attrs["trial_id"] for trial in optuna_study(tmp_path).trials] == names
    assert len(names) == 3
    assert set(statuses(tmp_path)) <= {"finished", "pruned"}


@pytest.mark.slow
def test_a_search_whose_driver_was_killed_goes_on_and_loses_no_trial(clips, tmp_path):
    process = start(clips, tmp_path, mode="search", epochs=LONG)
    wait_for(process, "task 1/3")
    process.kill()
    process.communicate()
    assert broken(tmp_path) == []
    (tmp_path / "tiny" / "optuna.db").write_bytes(b"SQLite format 3\0, but damaged")
    more = ["--resume", "--confirm-seeds", "0"]
    finish(start(clips, tmp_path, *more, mode="search", epochs=LONG))
    assert broken(tmp_path) == []
    rows = read_table(tmp_path, "trials.csv")
    assert len(rows) == len(optuna_study(tmp_path).trials) == 3
    assert {row["status"] for row in rows} <= {"finished", "pruned"}
    assert [row["status"] for row in rows if is_the_papers(row)] == ["finished"]


@pytest.mark.slow
def test_a_confirm_stage_that_was_interrupted_goes_on_and_the_search_is_not_repeated(
    clips, tmp_path
):
    flags = ["--trials", "2", "--confirm-seeds", "2"]
    process = start(clips, tmp_path, *flags, mode="search", epochs=30)
    wait_for(process, "Confirming")
    wait_for(process, "finished")
    process.send_signal(signal.SIGINT)
    assert "--resume" in finish(process, 130)
    ended = {row["trial_id"]: row["ended"] for row in read_table(tmp_path, "trials.csv")}
    before = [r for r in read_table(tmp_path, "confirm/trials.csv") if r["status"] == "finished"]
    assert before
    finish(start(clips, tmp_path, "--resume", mode="search", epochs=30))
    assert broken(tmp_path) == []
    assert {row["trial_id"]: row["ended"] for row in read_table(tmp_path, "trials.csv")} == ended
    after = read_table(tmp_path, "confirm/trials.csv")
    assert {row["status"] for row in after} == {"finished"}
    assert all(row in after for row in before)
    assert "n = 2" in (tmp_path / "tiny" / "README.md").read_text()


@pytest.mark.slow
def test_a_search_of_several_objectives_ends_with_its_hours(clips, tmp_path):
    names = ["val/faa", "memory/bytes", "time/train_seconds"]
    flags = ["--objective", *names, "--sampler", "nsga2", "--hours", "0.0001"]
    out = finish(start(clips, tmp_path, *flags, mode="search"))
    assert "of 3 trials; add more with --extend N" in out
    assert set(statuses(tmp_path)) == {"finished"}
    study = optuna_study(tmp_path)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", *["MINIMIZE"] * 2]
    rows = read_table(tmp_path, "trials.csv")
    assert [t.values for t in study.trials] == [[float(row[n]) for n in names] for row in rows]
    before = len(rows)
    finish(start(clips, tmp_path, "--extend", "1", mode="search"))
    assert statuses(tmp_path) == ["finished"] * (before + 1)


def test_a_dry_run_says_what_would_happen_and_leaves_nothing(clips, tmp_path):
    flags = ["--dry-run", "--gpus-per-trial", "auto", "--share-first-task"]
    flags = [*flags, "--resume"]  # of what has not begun
    out = finish(start(clips, tmp_path, *flags, "--results", str(tmp_path / "results")))
    assert f"There is no study in {tmp_path}/results/tiny to go on with" in out
    assert "Going on" not in out
    assert "--gpus-per-trial auto" in out  # found no GPU, or is measured later
    assert "--share-first-task has nothing to share here: no two runs agree" in out
    for expected in ("way work?", "eta0.50", "36 training clips", "Study", "Results", "memory"):
        assert expected in out
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_dry_run_of_a_search_says_what_it_is_for_and_how_it_is_judged(clips, tmp_path):
    objectives = ["--objective", "val/faa", "memory/bytes", "--select", "test", "--budget", "start"]
    more = ["--confirm-seeds", "1", "--seeds", "4", "--dry-run"]
    out = finish(start(clips, tmp_path, *objectives, *more, mode="search"))
    for expected in (
        "3 trials, ",
        "then 2 that Optuna chooses from",
        "Does a search work?",
        " seed4: the paper's setting\n",
        "then the winner and the paper's setting, anew with seed 0\n",
        "Objective maximize val/faa, minimize memory/bytes",
        "Winner    by accuracy on the test set (--select test)",
        "which flatters it",
        "Budget    memory/bytes at most",
        "sampler tpe, pruner none, seed 4",
        "Study     about",
    ):
        assert expected in out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--set", "learner.maskin_ratio=1"], "learner.masking_ratio"),
        (["--data", "nowhere.npz"], "nowhere.npz"),
        (["--benchmark", "ntu60-xsub"], "benchmark"),
        (["--cpus-per-trial", "9999"], "--cpus-per-trial"),
        (["--tracking-uri", "ftp://x"], "--tracking-uri"),
        (["--address", "127.0.0.1:1"], "127.0.0.1:1"),
        (["--results", "/dev/null/x"], "/dev/null/x"),
    ],
)
def test_a_wrong_input_is_one_sentence_and_leaves_no_study(clips, tmp_path, flags, message):
    process = start(clips, tmp_path, *flags)
    _, problem = process.communicate(timeout=120)
    assert process.returncode == 1
    assert message in problem
    assert problem.startswith("error: ")
    assert len(problem.strip().splitlines()) == 1
    assert not (tmp_path / "tiny" / "study.json").exists()


@pytest.fixture(scope="module")
def calm(clips, tmp_path_factory):
    """The trials of the study that nothing happened to: numbers, matrices, epochs."""
    folder = tmp_path_factory.mktemp("calm")
    finish(start(clips, folder, epochs=LONG))
    assert broken(folder) == []
    return trials(folder / "tiny")


@pytest.mark.slow
def test_a_study_whose_driver_was_killed_goes_on_and_logs_nothing_twice(clips, tmp_path, calm):
    process = start(clips, tmp_path, epochs=LONG)
    wait_for(process, "task 2/3")
    process.kill()
    process.communicate()
    assert set(statuses(tmp_path)) == {"running", "pending"}
    assert broken(tmp_path) == []
    finish(start(clips, tmp_path, "--resume", epochs=LONG))
    assert broken(tmp_path) == []
    assert trials(tmp_path / "tiny") == calm
    assert {outcome for outcome, _ in logged(tmp_path).values()} == {"finished"}


@pytest.mark.slow
def test_a_resumed_trial_ends_with_the_same_numbers(clips, tmp_path, calm):
    process = start(clips, tmp_path, epochs=LONG)
    wait_for(process, "task 1/3")
    process.send_signal(signal.SIGTERM)  # a scheduler's request; it is as good as Ctrl-C
    assert "go on with" in finish(process, 130)
    assert "interrupted" in statuses(tmp_path)
    assert broken(tmp_path) == []
    finish(start(clips, tmp_path, "--resume", epochs=LONG))
    assert broken(tmp_path) == []
    assert trials(tmp_path / "tiny") == calm


@pytest.mark.slow
def test_a_trial_whose_process_was_killed_goes_on(clips, tmp_path, calm):
    process = start(clips, tmp_path, epochs=LONG)
    wait_for(process, "task 1/3")
    os.kill(worker_of(process), signal.SIGKILL)
    finish(process)
    assert broken(tmp_path) == []
    assert trials(tmp_path / "tiny") == calm


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_a_trial_whose_process_hangs_is_ended_and_goes_on(clips, tmp_path, calm):
    process = start(clips, tmp_path, "--hung-after", "0.5", epochs=LONG)
    wait_for(process, "task 1/3")
    worker = worker_of(process)
    os.kill(worker, signal.SIGSTOP)
    out = finish(process)
    assert not (Path("/proc") / str(worker)).exists()
    assert "is tried again: it gave no sign of life for 0.5 minutes (--hung-after)" in out
    assert "Hung, ended and started again: 1 trial: " in out
    assert broken(tmp_path) == []
    assert trials(tmp_path / "tiny") == calm


def worker_of(process):
    """Return the process of a running trial of this study, not of another one's."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if "ray::charon_" in (folder / "cmdline").read_text() and is_below(
                    int(folder.name), process.pid
                ):
                    return int(folder.name)
            except (OSError, ValueError):
                continue
        time.sleep(0.2)
    return pytest.fail("no trial is running")


def is_below(pid, ancestor):
    while pid > 1:
        if pid == ancestor:
            return True
        pid = int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    return False


@pytest.mark.slow
def test_a_trial_that_diverges_fails_alone_and_the_study_says_why(clips, tmp_path):
    out = finish(start(clips, tmp_path, "--set", "optimiser.learning_rate=1e12"), 1)
    assert set(statuses(tmp_path)) == {"failed"}
    assert "optimiser.learning_rate" in out
    assert all("learning_rate" in row["error"] for row in read_table(tmp_path, "trials.csv"))


@pytest.mark.slow
def test_in_folders_of_other_alphabets_a_study_runs_and_writes_no_secret_down(
    tmp_path, monkeypatch
):
    for name in ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "s3cret")
    folder = tmp_path / "mit Leerzeichen" / "опыт η 動作 & 'x'"
    (folder / "fails").mkdir(parents=True)
    clips = write_clips(folder / "клипы.npz")
    said = finish(start(clips, folder))
    said += finish(start(clips, folder / "fails", "--set", "optimiser.learning_rate=1e12"), 1)
    assert statuses(folder) == ["finished"] * 3
    assert logged(folder)["study"] == ("finished", [])
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) > 50
    assert not [path for path, content in written.items() if b"s3cret" in content]
    assert "s3cret" not in said
