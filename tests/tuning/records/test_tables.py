"""The tables of a study, made whole from its journal."""

import csv
import io

import pytest
from tuning.search_records import record

from charon.tuning.records.journal import Journal
from charon.tuning.records.tables import curves_csv, trials_csv, write_tables


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_trial_is_a_row_with_its_fields_and_final_metrics():
    (row,) = rows(trials_csv([record("a", [90.0, 80.0], 2, learner__alpha=0.5)]))
    expected = {"trial_id": "a", "name": "label a", "status": "finished", "tasks_seen": "2"}
    expected |= {"learner.alpha": "0.5", "val/faa": "80.0", "seconds": "60.0", "error": ""}
    assert expected.items() <= row.items()
    assert list(row)[:4] == ["trial_id", "name", "learner", "seed"]
    assert list(row)[-1] == "error"


def test_final_metrics_are_empty_unless_all_tasks_were_learned():
    done, stopped = rows(trials_csv([record("a", [90.0] * 6), record("b", [90.0] * 2)]))
    assert (done["val/faa"], stopped["val/faa"], stopped["tasks_seen"]) == ("90.0", "", "2")


def test_only_a_searchs_trials_have_a_number():
    one = record("a", [90.0] * 6)
    assert "number" not in rows(trials_csv([one]))[0]
    one.number = 7
    (row,) = rows(trials_csv([one]))
    assert (list(row)[2], row["number"]) == ("number", "7")


def test_a_task_is_a_row_of_the_curves():
    found = rows(curves_csv([record("a", [90.0, 80.0]), record("b", [70.0])]))
    assert [(r["trial_id"], r["task"], r["val/faa"]) for r in found] == [
        ("a", "1", "90.0"),
        ("a", "2", "80.0"),
        ("b", "1", "70.0"),
    ]


def test_a_field_that_some_trials_lack_is_empty_for_them():
    one, other = rows(trials_csv([record("a", [1.0], x__y=1), record("b", [1.0])]))
    assert (one["x.y"], other["x.y"]) == ("1", "")


def test_both_tables_are_replaced_by_those_of_the_journal_as_it_is(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    write_tables(tmp_path, journal)
    assert (tmp_path / "curves.csv").exists()
    assert rows((tmp_path / "trials.csv").read_text()) == []
    journal.append("trial", "a", label="a", fields={}, tags={})
    write_tables(tmp_path, journal)
    assert len(rows((tmp_path / "trials.csv").read_text())) == 1


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(OSError, match="missing"):
        write_tables(tmp_path / "missing", Journal(tmp_path / "journal.jsonl"))
