"""Contents of ``selection.json`` and ``gap.csv``."""

from dataclasses import replace
from pathlib import Path

import pytest
from tuning.search_records import RECORDS, TESTED

from charon.tuning.selection.files import gap_rows, selection_facts
from charon.tuning.selection.protocol_gap import measure_gap
from charon.tuning.selection.winner import select
from charon.tuning.study.fields import complete
from charon.tuning.study.selection_rules import FLATTERS, TEST, VALIDATION, Rule

PAPER = complete({"learner": "charon"})
RUNS = [
    replace(record, fields={**PAPER, "learner.alpha": 0.3 + index / 10})
    for index, record in enumerate(RECORDS)
]


def facts(rule, records=RUNS):
    selection = select(records, ["val/faa"], ["maximize"], rule, TESTED)
    return selection_facts(records, selection, rule, ["learner.alpha"], Path("/sets"), 2.0)


def test_the_winner_has_its_values_and_the_commands_that_repeat_it():
    content = facts(Rule(VALIDATION))
    winner = content["winner"]
    assert (winner["trial_id"], winner["values"], winner["is_paper"]) == ("late", [60], False)
    assert winner["fields"] == {"learner.alpha": pytest.approx(0.6)}
    assert winner["command"].startswith("OMP_NUM_THREADS=2 charon run --learner charon --set")
    assert winner["confirm_command"].endswith("--config winner.json --cache /sets")
    assert content["front"][0]["trial_id"] == "late"


def test_the_first_trial_has_the_papers_setting():
    content = facts(Rule(VALIDATION), RUNS[:2])
    assert (content["paper_id"], content["paper"]) == ("paper", {"learner.alpha": 0.3})
    assert content["winner"]["is_paper"]


def test_trials_are_counted_by_status_and_flattery_is_warned_of():
    assert facts(Rule(VALIDATION))["trials"] == {"finished": 3, "pruned": 1, "failed": 1}
    assert facts(Rule(VALIDATION))["warning"] == ""
    assert facts(Rule(TEST))["warning"] == FLATTERS


def test_the_gap_has_a_row_per_finished_trial_with_its_curve_and_ranks():
    header, *rows = gap_rows(measure_gap(RECORDS, TESTED, first_tasks=2), RECORDS, TESTED)
    assert header[:3] == ["trial_id", "name", "val_after_1"]
    assert header[-4:] == ["rank_validation", "rank_test", "rank_first_1", "rank_first_2"]
    assert [row[0] for row in rows] == ["paper", "early", "late"]
    assert rows[0] == ["paper", "label paper", 90, 80, 70, 62, 56, 50, 50, 52.0, 2, 3, 2, 1]
