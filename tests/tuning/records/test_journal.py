"""The journal of a study, the one truth about it; this is its specification."""

import json
import threading

import pytest
from small_disk import files_of_at_most

from charon.errors import CheckpointError
from charon.tuning.records.journal import (
    EXTENDED,
    FAILED,
    FINISHED,
    INTERRUPTED,
    OVER,
    PENDING,
    PRUNED,
    RUNNING,
    TIME_UP,
    Journal,
    is_over,
    spent_seconds,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


@pytest.fixture
def journal(path):
    return Journal(path)


def enter(journal, name="a", **more):
    journal.append("trial", name, label=f"label {name}", fields={"seed": 0}, tags={}, **more)
    return journal.trials[name]


def report(journal, task, faa=50.0, name="a", seconds=2.0, **more):
    metrics, matrix = {"val/faa": faa}, [[faa] * task]
    journal.append(
        "report",
        name,
        task=task,
        num_tasks=3,
        metrics=metrics,
        matrix=matrix,
        seconds=seconds,
        **more,
    )


def end(journal, outcome, name="a", **more):
    journal.append("end", name, outcome=outcome, **more)


# The file.


def test_a_line_that_did_not_fit_has_not_happened_and_the_next_takes_its_place(journal, path):
    enter(journal)
    before = path.read_bytes()
    for _ in range(2):
        with files_of_at_most(len(before) + 20), pytest.raises(OSError):
            report(journal, 1)
    assert journal.trials["a"].curve == {}
    assert [event["kind"] for event in Journal(path).events] == ["trial"]
    report(journal, 1, 70.0)
    end(journal, FINISHED)
    again = Journal(path)
    assert [event["kind"] for event in again.events] == ["trial", "report", "end"]
    assert again.trials == journal.trials


def test_an_event_is_one_line_with_its_kind_its_time_and_its_trial(journal, path):
    enter(journal)
    journal.append("start", "a", machine="one")
    line = json.loads(path.read_text().splitlines()[-1])
    assert line.pop("time") > 1e9
    assert line == {"kind": "start", "trial": "a", "machine": "one"}


def test_a_journal_that_is_read_again_says_the_same(journal, path):
    enter(journal, number=3)
    report(journal, 1, tags={"device": "cpu"})
    end(journal, PRUNED)
    again = Journal(path)
    assert again.events == journal.events
    assert again.trials == journal.trials


def test_events_and_trials_keep_their_order(journal, path):
    for name in "cab":
        enter(journal, name)
    assert list(Journal(path).trials) == list("cab")
    assert [event["trial"] for event in Journal(path).of_kind("trial")] == list("cab")


def test_a_last_line_cut_off_by_a_crash_is_dropped_by_whoever_writes_next(journal, path):
    enter(journal)
    report(journal, 1)
    report(journal, 2)
    path.write_bytes(path.read_bytes()[:-7])
    cut_off = path.read_bytes()
    again = Journal(path)
    assert again.trials["a"].tasks_seen == 1
    # Beside a process that writes, the line is only half there yet.
    assert path.read_bytes() == cut_off
    end(again, INTERRUPTED)
    assert Journal(path).trials["a"].status == INTERRUPTED
    assert path.read_bytes().startswith(cut_off[: cut_off.rfind(b"\n") + 1])


def test_a_line_that_is_no_event_is_an_error_that_names_it(journal, path):
    enter(journal)
    for line in ("something else", '["a", "list"]', '{"no": "kind"}', '{"kind": "start"}'):
        path.write_text(path.read_text().splitlines()[0] + f"\n{line}\n")
        with pytest.raises(CheckpointError, match="line 2 is not an event"):
            Journal(path)


def test_an_event_of_a_trial_that_was_not_entered_is_an_error(path):
    path.write_text('{"kind": "end", "time": 1.0, "trial": "a", "outcome": "finished"}\n')
    with pytest.raises(CheckpointError, match="line 1"):
        Journal(path)


def test_a_number_that_json_has_not_is_refused_and_leaves_the_file_as_it_was(journal, path):
    enter(journal)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="Out of range"):
        report(journal, 1, faa=float("nan"))
    assert path.read_bytes() == before
    assert len(journal.events) == 1


def test_unknown_kinds_of_events_are_kept_and_ignored(journal, path):
    enter(journal)
    before = Journal(path).trials
    journal.append("a later version's", "a", outcome=FAILED)
    journal.append("of the study alone", anything=[1, 2])
    assert Journal(path).trials == before
    assert [event["kind"] for event in Journal(path).events][1:] == [
        "a later version's",
        "of the study alone",
    ]


# What the events of a trial add up to.


def test_a_trial_waits_runs_and_ends(journal):
    record = enter(journal)
    assert (record.status, record.started, record.ended) == (PENDING, 0, 0)
    journal.append("start", "a")
    assert record.status == RUNNING
    began = record.started
    end(journal, INTERRUPTED, error="Ctrl-C")
    assert (record.status, record.error) == (INTERRUPTED, "Ctrl-C")
    journal.append("start", "a")
    assert (record.status, record.error, record.ended) == (RUNNING, "", 0)
    assert record.started == began  # the first time
    end(journal, FINISHED)
    assert record.ended >= record.started


@pytest.mark.parametrize("outcome", [FINISHED, PRUNED, FAILED, INTERRUPTED])
def test_only_an_interrupted_trial_is_not_over(journal, outcome):
    enter(journal)
    assert journal.num_over == 0
    end(journal, outcome)
    assert journal.num_over == Journal(journal.path).num_over == (outcome in OVER)
    journal.append("study")  # what has failed is tried again
    assert journal.num_over == (outcome in (FINISHED, PRUNED))


@pytest.mark.parametrize("status", [PENDING, RUNNING, FAILED, INTERRUPTED])
def test_a_new_sitting_runs_all_trials_that_are_neither_finished_nor_pruned(journal, status):
    for name, outcome in (("a", status), ("done", FINISHED), ("stopped", PRUNED)):
        enter(journal, name)
        if outcome == RUNNING:
            journal.append("start", name)
        elif outcome != PENDING:
            end(journal, outcome, name)
    journal.append("study", key="k")
    assert [r.status for r in journal.trials.values()] == [PENDING, FINISHED, PRUNED]


def test_reports_add_up_to_a_curve_and_the_latest_matrix(journal):
    record = enter(journal)
    assert (record.tasks_seen, record.latest, record.num_tasks) == (0, {}, 0)
    report(journal, 1, 90.0)
    report(journal, 2, 80.0, tags={"device": "cpu"})
    assert record.curve == {1: {"val/faa": 90.0}, 2: {"val/faa": 80.0}}
    assert (record.tasks_seen, record.num_tasks, record.seconds) == (2, 3, 4.0)
    assert (record.latest, record.matrix) == ({"val/faa": 80.0}, [[80.0, 80.0]])
    assert record.tags == {"device": "cpu"}


def test_the_second_report_of_a_task_changes_nothing(journal, path):
    enter(journal)
    report(journal, 1, 90.0)
    report(journal, 1, 10.0)
    for one in (journal, Journal(path)):
        assert one.trials["a"].curve == {1: {"val/faa": 90.0}}
        assert one.trials["a"].seconds == 2.0


def test_final_metrics_are_those_of_a_finished_trial_alone(journal):
    record = enter(journal)
    report(journal, 3, 70.0)
    end(journal, PRUNED)
    assert record.final == {}
    end(journal, FINISHED)
    assert record.final == {"val/faa": 70.0}


def test_a_trial_that_is_entered_twice_stays_what_it_was(journal):
    enter(journal, number=7)
    journal.append("trial", "a", label="another", fields={}, tags={})
    assert (journal.trials["a"].label, journal.trials["a"].number) == ("label a", 7)


def test_tags_are_added_to_a_trial_later(journal):
    record = enter(journal)
    journal.append("tag", "a", tags={"winner": "true"})
    journal.append("tag", "a", tags={"winner": "false", "selection": "validation"})
    assert record.tags == {"winner": "false", "selection": "validation"}


# Those who read while the driver writes.


def test_several_threads_may_append(journal, path):
    enter(journal)
    threads = [
        threading.Thread(
            target=lambda n=n: [journal.append("note", writer=n, place=i) for i in range(50)]
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    notes = list(Journal(path).of_kind("note"))
    assert notes == list(journal.of_kind("note"))
    for writer in range(4):
        assert [n["place"] for n in notes if n["writer"] == writer] == list(range(50))


# When a study is over, and how long it has run in all its sittings.


def events(*kinds_and_times):
    return [{"kind": kind, "time": time} for kind, time in kinds_and_times]


def test_time_counts_while_the_study_runs_and_not_between_its_sittings():
    assert spent_seconds([]) == 0
    first = [("study", 100.0), ("start", 110.0), ("report", 160.0)]
    assert spent_seconds(events(*first)) == 60
    assert spent_seconds(events(*first, ("study", 9000.0), ("end", 9005.0))) == 65


def test_what_follows_a_search_takes_none_of_its_hours():
    over = [("study", 0.0), ("end", 70.0), (TIME_UP, 71.0)]
    follow_up = [("tag", 72.0), ("study_end", 900.0)]
    assert spent_seconds(events(*over, *follow_up)) == 71
    assert spent_seconds(events(*over[:2], *follow_up)) == 70
    assert spent_seconds(events(*over, *follow_up, ("study", 1000.0), ("tag", 1500.0))) == 71


def test_added_trials_have_their_own_time():
    both = [("study", 0.0), ("end", 50.0), (EXTENDED, 100.0), ("study", 101.0), ("end", 104.0)]
    assert spent_seconds(events(*both)) == 3


def study(journal, *outcomes):
    journal.append("study")
    for number, outcome in enumerate(outcomes):
        enter(journal, str(number))
        end(journal, outcome, str(number))


def test_a_study_is_over_when_every_trial_is(journal):
    study(journal, FINISHED, PRUNED, FAILED)
    assert is_over(journal, 3)
    assert not is_over(journal, 4)


def test_a_study_with_an_open_trial_is_not_over(journal):
    study(journal, FINISHED, INTERRUPTED)
    assert not is_over(journal, 1)


def test_a_search_out_of_time_is_over_until_it_goes_on(journal):
    study(journal, FINISHED)
    journal.append(TIME_UP)
    assert is_over(journal, 24)
    journal.append("study")
    assert not is_over(journal, 24)


def test_a_study_whose_failed_trials_are_tried_again_is_not_over(journal):
    study(journal, FINISHED, FAILED)
    assert is_over(journal, 2)
    journal.append("study")
    assert not is_over(journal, 2)


# A journal that lies.

TRIAL = {"kind": "trial", "time": 1.0, "trial": "a", "label": "a", "fields": {}}
REPORT = {"kind": "report", "time": 1.0, "trial": "a", "task": 1, "num_tasks": 2}
REPORT |= {"metrics": {}, "matrix": [[1.0, None]], "seconds": 1.0}


@pytest.mark.parametrize(
    "event",
    [
        [],
        3,
        {"kind": "study"},
        {"kind": [], "time": 1},
        {"kind": "note", "time": "now"},
        TRIAL | {"trial": []},
        TRIAL | {"fields": []},
        TRIAL | {"tags": []},
        TRIAL | {"tags": {"a": []}},
        TRIAL | {"number": 10**400},
        REPORT | {"trial": "nobody"},
        REPORT | {"task": 0},
        REPORT | {"task": 3},
        REPORT | {"tags": ["a"]},
        REPORT | {"metrics": {"a": "b"}},
        REPORT | {"matrix": [1]},
        REPORT | {"seconds": None},
        {"kind": "tag", "time": 1, "trial": "a", "tags": []},
        {"kind": "end", "time": 1, "trial": "a", "outcome": "lost"},
    ],
)
def test_an_event_that_does_not_hold_what_its_kind_does_is_refused_with_its_line(path, event):
    path.write_text(json.dumps(TRIAL) + "\n" + json.dumps(event) + "\n")
    with pytest.raises(CheckpointError, match=r"journal\.jsonl: line 2 is not an event of a study"):
        Journal(path)


@pytest.mark.parametrize("line", ["[" * 100_000, '{"kind": NaN}', '"\\ud800"', "\x00", "9" * 5000])
def test_a_line_that_no_json_reader_takes_is_refused(path, line):
    path.write_text(json.dumps(TRIAL) + "\n" + line + "\n")
    with pytest.raises(CheckpointError, match=r"line 2 is not an event of a study"):
        Journal(path)


def test_a_folder_in_the_journals_place_is_said(path):
    path.mkdir()
    with pytest.raises(CheckpointError, match=r"journal\.jsonl cannot be read \(Is a directory\)"):
        Journal(path)


def test_a_clock_that_is_set_back_takes_no_time_from_a_search():
    events = [{"kind": "study", "time": 100.0}, {"kind": "start", "time": 160.0}]
    assert spent_seconds([*events, {"kind": "end", "time": 30.0}]) == 60.0
