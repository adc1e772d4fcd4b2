"""What reaches MLflow: each thing once, whoever was interrupted and whatever was away."""

import json
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
from mlflow.utils.validation import MAX_PARAMS_TAGS_PER_BATCH
from tuning.fakes import FIELDS

from charon.config import Run
from charon.learners import LEARNERS
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, PRUNED, Journal
from charon.tuning.tracking.sender import Sender
from charon.tuning.tracking.store import Store, check_answers, choose_store, make_schema

SHOWN = {
    "varied": ["learner.masking_ratio"],
    "tags": {"dataset": "tiny", "question": "Which?"},
}


@cache
def empty_database():
    """One schema for all tests: making it takes a second or two."""
    with tempfile.TemporaryDirectory() as folder:
        store = choose_store(None, Path(folder))
        make_schema(store)
        return store.file.read_bytes()


@pytest.fixture
def store(tmp_path):
    store = choose_store(None, tmp_path)
    store.file.write_bytes(empty_database())
    return store


def new_journal(folder):
    journal = Journal(folder / "journal.jsonl")
    if not journal.events:
        journal.append("study", key="k1", title="some study", **SHOWN)
    return journal


def play(journal, name, tasks, outcome=None, artifacts=(), seed=0):
    if name not in journal.trials:
        fields = {**FIELDS, "seed": seed}
        journal.append("trial", name, label=f"eta0.30 {name}", fields=fields, tags={"a": "b"})
    journal.append("start", name)
    for task in tasks:
        journal.append(
            "report",
            name,
            task=task,
            num_tasks=3,
            metrics={"test/faa": 90.0 - task, "test/acc/task_01": 80.0},
            epochs={"first": 2 * task - 1, "means": {"train/loss/total": [4.0 - task, 0.5]}},
            matrix=[[90.0, None, None], [80.0, 85.0, None], [70.0, 75.0, 80.0]],
            seconds=1.0,
            tags={"device": "cpu"},
        )
    if outcome:
        journal.append("end", name, outcome=outcome, error="", artifacts=list(artifacts))


def send(journal, folder, store, timeout=30.0):
    sender = Sender(journal, folder, store, "some")
    sender.start()
    done = sender.close(timeout)
    assert sender.skipped == []
    return done, sender


def runs(store):
    client = MlflowClient(store.uri)
    experiment = client.get_experiment_by_name("some")
    found = client.search_runs([experiment.experiment_id])
    return client, {run.info.run_name: run for run in found}


def steps(client, run):
    """Return the steps of FAA, the tasks; each has two epochs, which are steps of their losses."""
    history = client.get_metric_history(run.info.run_id, "test/faa")
    tasks = sorted(metric.step for metric in history)
    history = client.get_metric_history(run.info.run_id, "epoch/train/loss/total")
    assert sorted(metric.step for metric in history) == list(range(1, 2 * len(tasks) + 1))
    return tasks


def test_a_study_is_a_parent_run_with_a_named_child_for_each_trial(tmp_path, store):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2, 3], FINISHED)
    journal.append("study_end", outcome=FINISHED, artifacts=[str(tmp_path / "journal.jsonl")])
    assert send(journal, tmp_path, store)[0]
    client, found = runs(store)
    parent, child = found["some study"], found["eta0.30 t1"]
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert (parent.data.tags["kind"], child.data.tags["kind"]) == ("study", "trial")
    assert parent.info.status == child.info.status == "FINISHED"
    assert child.data.params["learner.masking_ratio"] == "0.3"
    assert child.data.metrics["final/faa"] == 87.0
    assert "final/acc/task_01" not in child.data.metrics
    assert steps(client, child) == [1, 2, 3]
    assert [a.path for a in client.list_artifacts(child.info.run_id)] == ["accuracy_matrix.png"]
    assert [a.path for a in client.list_artifacts(parent.info.run_id)] == ["journal.jsonl"]
    assert parent.data.metrics == {"best_faa": 87.0, "mean_faa": 87.0}
    assert child.data.tags["setting"] == "η = 0.3, CHARON"
    assert parent.data.tags["question"] == "Which?"
    notes = [run.data.tags["mlflow.note.content"] for run in (parent, child)]
    assert notes[0].startswith("**Which?**")
    assert all("87.0" in note for note in notes)


def test_the_pages_of_a_setting_have_its_mean_once_its_last_seed_has_finished(tmp_path, store):
    """Also those of the trials that finished first, in an earlier sitting."""
    journal = new_journal(tmp_path)
    for seed in (0, 1):
        play(journal, f"t{seed}", [1, 2, 3], FINISHED, seed=seed)
    play(journal, "t9", [1], PRUNED, seed=9)
    send(journal, tmp_path, store)
    journal = Journal(tmp_path / "journal.jsonl")
    play(journal, "t2", [1, 2, 3], FINISHED, seed=2)
    send(journal, tmp_path, store)
    client, found = runs(store)
    parent = found.pop("some study")
    pruned = found.pop("eta0.30 t9")
    for run in found.values():
        assert "seeds 0, 1, 2: FAA in percent 87.0" in run.data.tags["mlflow.note.content"]
    assert "pruned after 1 of 3 tasks" in pruned.data.tags["mlflow.note.content"]
    history = client.get_metric_history(parent.info.run_id, "best_faa")
    assert [metric.step for metric in history] == [1, 2, 3]


def test_more_epochs_than_a_call_takes_are_all_there(tmp_path, store):
    journal = new_journal(tmp_path)
    play(journal, "t1", [])
    losses = [float(epoch) for epoch in range(1, 1702)]
    journal.append(
        "report",
        "t1",
        task=1,
        num_tasks=1,
        metrics={"test/faa": 50.0},
        epochs={"first": 1, "means": {"train/loss/total": losses}},
        matrix=[[50.0]],
        seconds=1.0,
        tags={},
    )
    send(journal, tmp_path, store)
    client, found = runs(store)
    run = found["eta0.30 t1"].info.run_id
    history = client.get_metric_history(run, "epoch/train/loss/total")
    assert sorted((metric.step, metric.value) for metric in history) == [
        (epoch, float(epoch)) for epoch in range(1, 1702)
    ]


@pytest.mark.parametrize("learner", LEARNERS)
def test_one_call_takes_all_parameters_of_a_trial(learner):
    assert len(Run.preset("paper", {"learner": learner}).to_flat()) <= MAX_PARAMS_TAGS_PER_BATCH


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(PRUNED, "KILLED"), (FAILED, "FAILED"), (INTERRUPTED, "KILLED")],
)
def test_other_ends_are_told_apart_by_a_tag_and_have_no_final_metrics(
    tmp_path, store, outcome, status
):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2], outcome)
    send(journal, tmp_path, store)
    run = runs(store)[1]["eta0.30 t1"]
    assert (run.info.status, run.data.tags["outcome"]) == (status, outcome)
    assert "final/faa" not in run.data.metrics


def test_a_resumed_trial_continues_its_run_and_no_step_is_logged_twice(tmp_path, store):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2], INTERRUPTED)
    send(journal, tmp_path, store)
    again = Journal(tmp_path / "journal.jsonl")
    again.append("study", key="k1", title="some study", **SHOWN)
    play(again, "t1", [3], FINISHED)
    send(again, tmp_path, store)
    client, found = runs(store)
    assert len(found) == 2
    assert steps(client, found["eta0.30 t1"]) == [1, 2, 3]
    assert found["eta0.30 t1"].info.status == "FINISHED"


def test_what_a_killed_driver_left_of_an_artifact_is_removed_when_the_study_goes_on(
    tmp_path, store
):
    """The name is MLflow's: were it another, half a file would show among the artifacts."""
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2, 3], FINISHED)
    send(journal, tmp_path, store)
    run = runs(store)[1]["eta0.30 t1"].info.run_id
    half = LocalArtifactRepository(store.artifacts_of("some") + f"/{run}/artifacts")
    _, path, _ = half._create_staging_artifact("some.csv")
    send(Journal(tmp_path / "journal.jsonl"), tmp_path, store)
    assert not Path(path).exists()
    assert (Path(path).parent / "accuracy_matrix.png").exists()


def test_sending_all_over_again_changes_nothing(tmp_path, store):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2, 3], FINISHED)
    send(journal, tmp_path, store)
    (tmp_path / "tracking.json").unlink()
    send(Journal(tmp_path / "journal.jsonl"), tmp_path, store)
    client, found = runs(store)
    assert len(found) == 2
    assert steps(client, found["eta0.30 t1"]) == [1, 2, 3]


def test_a_run_that_was_made_and_not_described_gets_its_parameters(tmp_path, store):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1])
    send(journal, tmp_path, store)
    with closing(sqlite3.connect(store.file)) as database, database:
        database.execute("delete from params")
    play(journal, "t1", [2, 3], FINISHED)
    send(journal, tmp_path, store)
    run = runs(store)[1]["eta0.30 t1"]
    assert run.data.params == {name: str(value) for name, value in {**FIELDS, "seed": 0}.items()}


def everything(store):
    """Return what MLflow has of each run, but for its numbers, times and artifacts' folders."""
    client, found = runs(store)
    names = {run.info.run_id: name for name, run in found.items()}
    shown = {}
    for name, run in found.items():
        tags = dict(run.data.tags)
        parent = names.get(tags.pop("mlflow.parentRunId", None))
        history = {
            metric: [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, metric)]
            for metric in run.data.metrics
        }
        files = [artifact.path for artifact in client.list_artifacts(run.info.run_id)]
        shown[name] = (run.info.status, parent, tags, run.data.params, history, files)
    return shown


def test_a_database_that_was_deleted_is_made_anew_from_the_journal(tmp_path, store):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2], INTERRUPTED)
    play(journal, "t1", [3], FINISHED)
    play(journal, "t2", [1, 2], PRUNED)
    play(journal, "t3", [1], FAILED)
    end = {"outcome": FINISHED, "artifacts": [str(tmp_path / "journal.jsonl")]}
    journal.append("study_end", **end)
    send(journal, tmp_path, store)
    first = everything(store)
    assert len(first) == 4
    # A new file, which this process has no connection to.
    other = choose_store(f"sqlite:///{tmp_path}/new.db", tmp_path)
    other.file.write_bytes(empty_database())
    state = json.loads((tmp_path / "tracking.json").read_text())
    (tmp_path / "tracking.json").write_text(json.dumps({**state, "uri": other.uri}))
    again = Journal(tmp_path / "journal.jsonl")
    again.append("study", key="k1", title="some study", **SHOWN)
    again.append("study_end", **end)
    assert send(again, tmp_path, other)[0]
    assert everything(other) == first


def test_a_deleted_experiment_is_restored_and_that_is_said(tmp_path, store):
    client = MlflowClient(store.uri)
    number = client.create_experiment("some", str(tmp_path / "artifacts"))
    client.create_run(number)
    client.delete_experiment(number)
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2, 3], FINISHED)
    done, sender = send(journal, tmp_path, store)
    assert done
    (line,) = sender.missing_lines(all_sent=done)
    assert line.startswith(f"MLflow's experiment some ({number}) had been deleted, so it was resto")
    assert f"mlflow gc --backend-store-uri ... --experiment-ids {number}" in line
    assert client.get_experiment(number).lifecycle_stage == "active"
    assert send(journal, tmp_path, store)[1].missing_lines(all_sent=True) == []


def test_a_step_that_mlflow_has_and_the_journal_lost_is_not_logged_twice(tmp_path, store):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2])
    send(journal, tmp_path, store)
    lines = (tmp_path / "journal.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "journal.jsonl").write_text("".join(lines[:-1]))
    (tmp_path / "tracking.json").unlink()
    again = Journal(tmp_path / "journal.jsonl")
    play(again, "t1", [2, 3], FINISHED)
    send(again, tmp_path, store)
    client, found = runs(store)
    assert steps(client, found["eta0.30 t1"]) == [1, 2, 3]


def test_artifacts_that_were_moved_with_their_database_are_there_and_added_to(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    store = choose_store(None, before)
    store.file.write_bytes(empty_database())
    journal = new_journal(before)
    play(journal, "t1", [1, 2, 3], FINISHED, artifacts=[table_of(before, "t1")])
    send(journal, before, store)
    before.rename(after)
    store = choose_store(None, after)
    journal = Journal(after / "journal.jsonl")
    play(journal, "t2", [1, 2, 3], FINISHED, artifacts=[table_of(after, "t2")])
    send(journal, after, store)
    client, found = runs(store)
    assert len(found) == 3
    for name in ("eta0.30 t1", "eta0.30 t2"):
        run = found[name].info
        assert run.artifact_uri.startswith(f"{after}/mlartifacts/some/")
        files = [artifact.path for artifact in client.list_artifacts(run.run_id)]
        assert sorted(files) == ["accuracy_matrix.png", "confusion.csv"]
    assert not before.exists()


def table_of(folder, trial):
    path = folder / "trials" / trial / "confusion.csv"
    path.parent.mkdir(parents=True)
    path.touch()
    return str(path)


@pytest.mark.parametrize("kept", ["mlartifacts/some", "my/own"])
def test_artifacts_that_did_not_move_stay_where_they_are(tmp_path, kept):
    old, new = tmp_path / kept, tmp_path / "new"
    old.mkdir(parents=True)
    new.mkdir()
    store = choose_store(None, new)
    store.file.write_bytes(empty_database())
    number = MlflowClient(store.uri).create_experiment("some", str(old))
    send(new_journal(new), new, store)
    assert MlflowClient(store.uri).get_experiment(number).artifact_location == str(old)


def test_a_server_that_is_away_stops_nothing_and_gets_everything_later(
    tmp_path, store, monkeypatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2, 3], FINISHED)
    away = Store("http://127.0.0.1:9", None)
    done, sender = send(journal, tmp_path, away, timeout=2.0)
    assert not done
    assert "127.0.0.1:9" in sender.problem
    first, then = sender.missing_lines(all_sent=done)
    assert first == f"MLflow lacks a part of some: {sender.problem}"
    assert then == "  it is sent with the next --resume"
    assert send(journal, tmp_path, store)[0]
    client, found = runs(store)
    assert steps(client, found["eta0.30 t1"]) == [1, 2, 3]


def lose_first_answers(monkeypatch):
    """Let MLflow do all that it is asked, and lose the answer of each call that is new."""
    seen = set()

    def losing(name, real):
        def act(self, *arguments, **named):
            answer = real(self, *arguments, **named)
            call = name, str(arguments), str(named)
            if call not in seen:
                seen.add(call)
                raise MlflowException("the answer is lost")
            return answer

        return act

    for name in ("create_experiment", "create_run", "log_batch", "set_tag", "set_terminated"):
        monkeypatch.setattr(MlflowClient, name, losing(name, getattr(MlflowClient, name)))


def test_what_is_done_without_an_answer_is_there_once(tmp_path, store, monkeypatch):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2], PRUNED)
    play(journal, "t2", [1, 2], PRUNED)
    journal.append("study_end", outcome=FINISHED, artifacts=[])
    with monkeypatch.context() as patch:
        lose_first_answers(patch)
        sender = Sender(journal, tmp_path, store, "some", pauses=(0.0,))
        sender.start()
        assert sender.close(30.0)
        assert sender.skipped == []
    client = MlflowClient(store.uri)
    found = client.search_runs([sender.experiment_id])
    assert sorted(run.info.run_name for run in found) == ["eta0.30 t1", "eta0.30 t2", "some study"]
    assert {run.info.status for run in found} == {"KILLED", "FINISHED"}
    assert all(steps(client, run) == [1, 2] for run in found if run.data.tags["kind"] == "trial")


def test_what_was_made_twice_is_made_one_when_the_study_goes_on(tmp_path, store):
    """The run that has more of the trial stays."""
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2], INTERRUPTED)
    send(journal, tmp_path, store)
    client, found = runs(store)
    for run in found.values():
        client.create_run(run.info.experiment_id, 0, run.data.tags, run.info.run_name)
    again = Journal(tmp_path / "journal.jsonl")
    again.append("study", key="k1", title="some study", **SHOWN)
    play(again, "t1", [3], FINISHED)
    send(again, tmp_path, store)
    client, now = runs(store)
    assert len(client.search_runs([next(iter(now.values())).info.experiment_id])) == 2
    assert {run.info.run_id for run in now.values()} == {run.info.run_id for run in found.values()}
    assert steps(client, now["eta0.30 t1"]) == [1, 2, 3]


def test_final_metrics_have_no_step_so_that_mlflow_draws_bars(tmp_path, store):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2, 3], FINISHED)
    send(journal, tmp_path, store)
    client, found = runs(store)
    history = client.get_metric_history(found["eta0.30 t1"].info.run_id, "final/faa")
    assert [(metric.step, metric.value) for metric in history] == [(0, 87.0)]


def test_no_secret_is_written_down_or_said(tmp_path, monkeypatch, caplog, capfd):
    """With a server that is away, so that all messages are made."""
    secrets = {"MLFLOW_TRACKING_USERNAME": "s3cret-name", "MLFLOW_TRACKING_PASSWORD": "s3cret-word"}
    for name, value in {**secrets, "RAY_AUTH_TOKEN": "s3cret-token"}.items():
        monkeypatch.setenv(name, value)
    journal = new_journal(tmp_path)
    play(journal, "t1", [1], FINISHED)
    store = Store("http://127.0.0.1:9", None)
    sender = Sender(journal, tmp_path, store, "some", pauses=(0.1,))
    sender.start()
    sender.close(1.0)
    said = [sender.problem, check_answers(store), *sender.missing_lines(all_sent=False)]
    found = [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    assert found
    for text in (*said, *found, caplog.text, *capfd.readouterr()):
        assert "s3cret" not in text
