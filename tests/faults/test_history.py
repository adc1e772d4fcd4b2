"""What is wrong with a study's history is seen: each control makes one thing wrong."""

import copy
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from faults.history import (
    against_halving,
    against_mlflow,
    against_optuna,
    against_selection,
    replay,
)
from tuning.conftest import THIRD_PARTY_WARNINGS, quiet_libraries  # noqa: F401
from tuning.driven_search import DrivenSearch, plan
from tuning.tracking.test_sender import empty_database, new_journal, play, send

from charon.files import write_json
from charon.tuning.records.journal import FINISHED, INTERRUPTED, PRUNED, Journal
from charon.tuning.sampling.optuna_study import write_database
from charon.tuning.tracking.store import choose_store

pytestmark = [pytest.mark.filterwarnings(warning) for warning in THIRD_PARTY_WARNINGS]


def event(kind, trial=None, **content):
    return {"kind": kind, **({} if trial is None else {"trial": trial}), **content}


def report(trial, task):
    return event("report", trial, task=task, num_tasks=2)


def asked(trial, number, told=0):
    return event("trial", trial, fields={}, number=number, told=told)


CALM = [
    event("study"),
    asked("a", 0),
    event("start", "a"),
    report("a", 1),
    event("refused", number=1),
    asked("b", 2, told=1),
    event("start", "b"),
    event("start", "a"),  # its process died
    report("a", 2),
    event("end", "a", outcome=FINISHED),
    event("logged", position=10),
    event("study"),  # the driver died
    event("start", "b"),
    report("b", 1),
    event("end", "b", outcome=PRUNED),
    event("study_end", outcome=FINISHED),
]


def test_a_study_whose_driver_and_trial_died_has_an_orderly_history():
    assert list(replay(CALM)) == []


@pytest.mark.parametrize(
    ("place", "new", "sentence"),
    [
        (3, [], "a reports task 2 after []"),
        (3, [report("a", 1)] * 2, "a reports task 1 after [1]"),
        (2, [], "a has a report where it waits"),
        (1, [], "start of a, which was not asked for"),
        (1, [asked("a", 0)] * 2, "a is entered twice"),
        (4, [], "Optuna knew 1 ends, not 0, when it was asked for b"),
        (5, [asked("b", 2, told=2)], "Optuna knew 2 ends, not 1, when it was asked for b"),
        (5, [asked("b", 1, told=1)], "Optuna was asked for the numbers [0, 1, 1]"),
        (8, [], "a is finished after the tasks [1] of 2"),
        (9, [event("end", "a", outcome=PRUNED)], "a is pruned after the tasks [1, 2] of 2"),
        (9, [event("end", "a", outcome=FINISHED)] * 2, "a has a end where it finished"),
        (10, [event("logged", position=99)], "MLflow has 99 events where there were 10"),
        (12, [event("start", "a")], "a starts though it is finished"),
        (14, [], "b runs at the end"),
    ],
)
def test_an_event_that_is_lost_doubled_or_out_of_turn_is_seen(place, new, sentence):
    changed = [*CALM[:place], *new, *CALM[place + 1 :]]
    assert any(said.startswith(sentence) for said in replay(changed)), list(replay(changed))


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """A journal, and the database to which it was sent."""
    folder = tmp_path_factory.mktemp("sent")
    store = choose_store(None, folder)
    store.file.write_bytes(empty_database())
    journal = new_journal(folder)
    play(journal, "t1", [1, 2, 3], FINISHED)
    play(journal, "t2", [1], PRUNED, seed=1)
    journal.append("study_end", outcome=FINISHED, artifacts=[])
    assert send(journal, folder, store, timeout=600.0)[0]
    return journal, store.file


@pytest.fixture
def logged(tmp_path, sent):
    """The journal, and a database of its own for each test."""
    journal, database = sent
    return journal, Path(shutil.copy(database, tmp_path))


def test_mlflow_has_what_the_journal_says_it_has(logged):
    journal, database = logged
    (said,) = list(journal.of_kind("logged"))[-1:]
    assert said["position"] >= 10
    assert list(against_mlflow(journal, database)) == []


COLUMNS = "key, value, run_uuid, step, is_nan, timestamp"
TWICE = f"insert into metrics ({COLUMNS}) select {COLUMNS} + 1 from metrics where key = 'test/faa'"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("delete from metrics where key = 'test/faa' and step = 2", "MLflow lacks ('test/faa', 2)"),
        ("update metrics set value = 1 where key = 'final/faa'", "MLflow has ('final/faa', 0)"),
        ("update metrics set step = 4 where step = 3 and key = 'test/faa'", "MLflow lacks"),
        (TWICE, "MLflow has ('test/faa', 1) of t1 twice"),
        ("update runs set status = 'RUNNING' where name like '%t2'", "MLflow has t2 RUNNING"),
        ("update runs set status = 'FAILED' where name like '%t1'", "MLflow has t1 FAILED, not FI"),
        ("update runs set status = 'RUNNING' where name = 'some study'", "MLflow has the study"),
        ("update tags set value = 't1' where value = 't2'", "MLflow has t1 twice"),
    ],
)
def test_what_mlflow_lacks_has_twice_or_otherwise_is_seen(logged, command, sentence):
    journal, database = logged
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(command)
    said = list(against_mlflow(journal, database))
    assert any(one.startswith(sentence) for one in said), said


@pytest.fixture
def search(tmp_path):
    search = DrivenSearch(tmp_path)
    for faas in ([60.0] * 6, [50.0, 50.0], [70.0] * 6):
        record = search.suggest()
        search.journal.append("start", record.trial_id)
        search.finish(record, faas)
    write_database(search.study, plan(), tmp_path)
    search.journal.append("study_end", outcome=FINISHED)
    return search


def test_a_search_tells_optuna_each_end_once(search, tmp_path):
    told = [event["told"] for event in search.journal.of_kind("trial")]
    assert told == [0, 1, 2]
    assert list(replay(search.journal.events)) == []
    assert list(against_optuna(search.journal, plan(), tmp_path)) == []


def test_what_optuna_was_told_otherwise_or_not_at_all_is_seen(search, tmp_path):
    records = search.journal.records
    records[2].curve[6]["val/faa"] = 71.0
    (said,) = against_optuna(search.journal, plan(), tmp_path)
    assert said.startswith("Optuna has 2 with [")
    records[1].status = INTERRUPTED
    assert "Optuna has 1 PRUNED, not RUNNING" in against_optuna(search.journal, plan(), tmp_path)
    search.suggest()
    (said,) = against_optuna(search.journal, plan(), tmp_path)
    assert said.startswith("Optuna was told [0, 1, 2] of ")


def test_a_trial_is_stopped_by_the_rule_and_no_other(search):
    rule = SimpleNamespace(objectives=("val/faa",), pruner="asha")
    assert list(against_halving(search.journal, rule)) == []
    calm = copy.deepcopy(search.journal.records)
    _, stopped, last = search.journal.records
    stopped.curve[2]["val/faa"] = 65.0
    assert list(against_halving(search.journal, rule)) == [
        f"{stopped.trial_id} was stopped after task 2"
    ]
    stopped.curve[2]["val/faa"] = calm[1].curve[2]["val/faa"]
    last.curve[4]["val/faa"] = 40.0
    assert list(against_halving(search.journal, rule)) == [
        f"{last.trial_id} was not stopped after task 4"
    ]


def test_a_stopped_trial_that_wins_is_seen(search, tmp_path):
    first, stopped, _ = search.journal.records
    write_json(tmp_path / "selection.json", {"winner": {"trial_id": first.trial_id}})
    assert list(against_selection(search.journal, tmp_path)) == []
    write_json(tmp_path / "selection.json", {"winner": {"trial_id": stopped.trial_id}})
    assert list(against_selection(search.journal, tmp_path)) == [
        f"{stopped.trial_id}, which is pruned, has won"
    ]


def test_a_journal_of_an_older_version_is_read(tmp_path):
    """It does not say what Optuna knew and what MLflow has."""
    old = [{k: v for k, v in e.items() if k != "told"} for e in CALM if e["kind"] != "logged"]
    assert list(replay(old)) == []
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append("study", key="k")
    journal.append("trial", "a", label="a", fields={}, tags={}, number=0, sampler={})
    assert list(replay(Journal(journal.path).events)) == []
