"""What reaches MLflow: each thing once, whoever was interrupted and whatever was away."""

import colorsys
import json
import re
from collections import OrderedDict
from types import SimpleNamespace

import pytest
from mlflow import MlflowClient
from mlflow.tracking._tracking_service import utils
from mlflow.utils.validation import MAX_PARAMS_TAGS_PER_BATCH
from tuning.fakes import FIELDS

from charon.config import Run
from charon.errors import ConfigError
from charon.learners import LEARNERS
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, PRUNED, Journal
from charon.tuning.tracking import store as tracking_store
from charon.tuning.tracking.sender import Sender
from charon.tuning.tracking.store import Store, check_answers, check_file, choose_store, make_schema
from charon.tuning.tracking.view import colour

SHOWN = {"varied": ["learner.masking_ratio"], "tags": {"dataset": "tiny"}}


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory):
    """One schema for all tests: making it takes a second or two."""
    store = choose_store(None, tmp_path_factory.mktemp("schema"))
    make_schema(store)
    return store.file


@pytest.fixture
def store(tmp_path, empty_database):
    store = choose_store(None, tmp_path)
    store.file.write_bytes(empty_database.read_bytes())
    return store


@pytest.mark.parametrize(
    ("folder", "free", "found"), [("", 1, None), (".", 1, None), (".", 2, ".")]
)
def test_the_tables_are_made_in_memory_where_there_is_room(folder, free, found, monkeypatch):
    usage = SimpleNamespace(free=free * tracking_store.SCHEMA_BYTES // 2)
    monkeypatch.setattr(tracking_store.shutil, "disk_usage", lambda path: usage)
    monkeypatch.setattr(tracking_store, "MEMORY_FOLDER", folder)
    assert tracking_store._memory_folder() == found


@pytest.mark.parametrize("check", [check_file, make_schema])
def test_a_database_that_cannot_be_made_is_one_sentence(tmp_path, check):
    (tmp_path / "file").write_text("")
    store = choose_store(f"sqlite:///{tmp_path}/file/mlflow.db", tmp_path)
    message = r"mlflow\.db cannot be written: .*/file is no folder; .*--tracking-uri"
    with pytest.raises(ConfigError, match=message):
        check(store)


def test_a_database_is_checked_before_it_is_made_and_nothing_is_left(tmp_path):
    check_file(choose_store(None, tmp_path / "results"))
    check_file(choose_store("http://host:5000", tmp_path))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match="cannot be written: it is a folder; "):
        check_file(choose_store(f"sqlite:///{tmp_path}", tmp_path))


def new_journal(folder):
    journal = Journal(folder / "journal.jsonl")
    if not journal.events:
        journal.append("study", key="k1", title="some study", **SHOWN)
    return journal


def play(journal, name, tasks, outcome=None):
    if name not in journal.trials:
        journal.append("trial", name, label=f"eta0.30 {name}", fields=FIELDS, tags={"a": "b"})
    journal.append("start", name)
    for task in tasks:
        journal.append(
            "report",
            name,
            task=task,
            num_tasks=3,
            metrics={"test/faa": 90.0 - task, "test/acc/task_01": 80.0},
            matrix=[[90.0, None, None], [80.0, 85.0, None], [70.0, 75.0, 80.0]],
            seconds=1.0,
            tags={"device": "cpu"},
        )
    if outcome:
        journal.append("end", name, outcome=outcome, error="", artifacts=[])


def send(journal, folder, store, timeout=30.0):
    sender = Sender(journal, folder, store.uri, "some", f"{store.artifacts}/some")
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
    history = client.get_metric_history(run.info.run_id, "test/faa")
    return sorted(metric.step for metric in history)


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


def test_sending_all_over_again_changes_nothing(tmp_path, store):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2, 3], FINISHED)
    send(journal, tmp_path, store)
    (tmp_path / "tracking.json").unlink()
    send(Journal(tmp_path / "journal.jsonl"), tmp_path, store)
    client, found = runs(store)
    assert len(found) == 2
    assert steps(client, found["eta0.30 t1"]) == [1, 2, 3]


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


def test_artifacts_that_were_moved_with_their_database_are_found_and_added_to(
    tmp_path, empty_database, monkeypatch
):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    store = choose_store(None, before)
    store.file.write_bytes(empty_database.read_bytes())
    play(new_journal(before), "t1", [1, 2, 3], FINISHED)
    send(Journal(before / "journal.jsonl"), before, store)
    before.rename(after)
    # It goes on in another process, which remembers no run's folder.
    monkeypatch.setattr(utils, "_artifact_repos_cache", OrderedDict())
    store = choose_store(None, after)
    journal = Journal(after / "journal.jsonl")
    play(journal, "t2", [1, 2, 3], FINISHED)
    send(journal, after, store)
    client, found = runs(store)
    for name in ("eta0.30 t1", "eta0.30 t2"):
        run = found[name].info
        assert run.artifact_uri.startswith(f"{after}/mlartifacts/some/")
        assert [a.path for a in client.list_artifacts(run.run_id)] == ["accuracy_matrix.png"]
    assert not before.exists()


@pytest.mark.parametrize("kept", ["mlartifacts/some", "my/own"])
def test_artifacts_that_did_not_move_stay_where_they_are(tmp_path, empty_database, kept):
    old, new = tmp_path / kept, tmp_path / "new"
    old.mkdir(parents=True)
    new.mkdir()
    store = choose_store(None, new)
    store.file.write_bytes(empty_database.read_bytes())
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


def test_a_server_that_is_away_is_said_before_the_study_starts():
    assert "does not answer" in check_answers(Store("http://127.0.0.1:9", None))


def test_the_default_is_a_file_beside_the_results_with_an_absolute_path(tmp_path):
    store = choose_store(None, tmp_path)
    assert store.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert str(tmp_path) in store.artifacts


def test_a_relative_database_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert choose_store("sqlite:///some.db", tmp_path).file == tmp_path / "some.db"


@pytest.mark.parametrize(
    ("uri", "right"),
    [
        ("sqlite:foo.db", "sqlite:///foo.db"),
        ("sqlite://foo.db", "sqlite:///foo.db"),
        ("sqlite:/tmp/foo.db", "sqlite:////tmp/foo.db"),
        ("SQLite:///foo.db", "sqlite:////foo.db"),
    ],
)
def test_a_database_without_its_three_slashes_is_refused_with_the_right_form(uri, right, tmp_path):
    with pytest.raises(ConfigError, match=rf"^--tracking-uri {uri} names .*: {right}\.$"):
        choose_store(uri, tmp_path)


@pytest.mark.parametrize("uri", ["file:///tmp/mlruns", "mlruns", "databricks", "ftp://host"])
def test_a_kind_of_uri_that_cannot_be_used_is_refused(uri, tmp_path):
    with pytest.raises(ConfigError, match="sqlite:///FILE"):
        choose_store(uri, tmp_path)


def test_the_page_shows_the_trials_as_charts_in_the_view_that_the_study_prepared(tmp_path, store):
    page = choose_store(None, tmp_path).page("7")
    assert "/experiments/7/runs?" in page
    assert "compareRunsMode=CHART" in page
    send(new_journal(tmp_path), tmp_path, store)
    experiment = MlflowClient(store.uri).get_experiment_by_name("some")
    name = re.search("viewStateShareKey=([a-z]+)", page)[1]
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{name}"])
    assert "params.`learner.masking_ratio`" in view["selectedColumns"]
    assert view["runsHiddenMode"] == "SHOW_ALL"


def test_final_metrics_have_no_step_so_that_mlflow_draws_bars(tmp_path, store):
    journal = new_journal(tmp_path)
    play(journal, "t1", [1, 2, 3], FINISHED)
    send(journal, tmp_path, store)
    client, found = runs(store)
    history = client.get_metric_history(found["eta0.30 t1"].info.run_id, "final/faa")
    assert [(metric.step, metric.value) for metric in history] == [(0, 87.0)]


def test_every_trial_has_a_colour_of_its_own_and_seeds_share_a_hue():
    labels = [f"eta0.{n}0 s2 seed{seed}" for seed in range(2) for n in range(10)]
    colours = {label: colour(label, labels[: labels.index(label) + 1]) for label in labels}
    assert len(set(colours.values())) == len(labels)
    assert all(re.fullmatch("#[0-9a-f]{6}", value) for value in colours.values())
    assert hue(colours["eta0.30 s2 seed0"]) == pytest.approx(
        hue(colours["eta0.30 s2 seed1"]), abs=0.01
    )


def hue(colour):
    return colorsys.rgb_to_hls(*(value / 255 for value in bytes.fromhex(colour[1:])))[0]
