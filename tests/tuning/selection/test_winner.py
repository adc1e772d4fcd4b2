"""The trial that wins under each rule, and the content of ``selection.json``."""

from dataclasses import replace
from pathlib import Path

import pytest
from tuning.search_records import FAILED, LATE, PAPER, RECORDS, STOPPED, TESTED, record

from charon.tuning.selection.winner import SelectionError, select, selection_facts
from charon.tuning.study.fields import complete
from charon.tuning.study.selection_rules import (
    FIRST_TASKS,
    FLATTERS,
    GTEP,
    TEST,
    VALIDATION,
    Rule,
)

FAA, BYTES = "val/faa", "memory/bytes"


def winner(rule, records=RECORDS, objectives=(FAA,)):
    return select(records, objectives, rule, TESTED).winner.trial_id


def test_validation_takes_the_best_after_the_last_task():
    assert winner(Rule(VALIDATION)) == "late"
    assert winner(Rule(GTEP)) == "late"


def test_first_tasks_judges_by_the_first_tasks_alone():
    assert winner(Rule(FIRST_TASKS, 1)) == "early"
    # 80, 70 and 78 after two tasks.
    assert winner(Rule(FIRST_TASKS, 2)) == "paper"
    assert winner(Rule(FIRST_TASKS, 3)) == "late"


def test_the_papers_rule_takes_the_best_on_the_test_set():
    assert winner(Rule(TEST)) == "early"


@pytest.mark.parametrize("rule", [Rule(VALIDATION), Rule(FIRST_TASKS, 2), Rule(TEST), Rule(GTEP)])
def test_a_trial_stopped_with_95_percent_after_four_of_six_tasks_wins_under_no_rule(rule):
    assert STOPPED.latest[FAA] == 95
    assert winner(rule, [STOPPED, PAPER]) == "paper"
    assert set(select(RECORDS, [FAA], rule, TESTED).values) == set(TESTED)


def test_of_equal_trials_the_one_suggested_first_wins():
    assert winner(Rule(VALIDATION), [PAPER, replace(PAPER, trial_id="again")]) == "paper"


def test_where_less_is_better_the_least_wins():
    records = [record("a", [50] * 6, num_bytes=9.0), record("b", [50] * 6, num_bytes=5.0)]
    assert winner(Rule(VALIDATION), records, [BYTES]) == "b"


def test_of_several_objectives_the_best_first_one_on_the_front_wins():
    sizes = {"small": (40, 1.0), "middle": (50, 2.0), "worse": (45, 3.0), "large": (60, 4.0)}
    records = [record(n, [faa] * 6, num_bytes=size) for n, (faa, size) in sizes.items()]
    found = select(records, [FAA, BYTES], Rule(VALIDATION))
    # "worse" has less accuracy than "middle" and needs more memory.
    assert [one.trial_id for one in found.front] == ["large", "middle", "small"]
    assert found.winner.trial_id == "large"
    assert found.values["middle"] == (50, 2.0)
    other = select(records, [BYTES, FAA], Rule(VALIDATION))
    assert other.winner.trial_id == "small"


def test_trials_that_are_equal_in_all_objectives_are_both_on_the_front():
    records = [record("a", [50] * 6), record("b", [50] * 6)]
    found = select(records, [FAA, BYTES], Rule(VALIDATION))
    assert [one.trial_id for one in found.front] == ["a", "b"]


@pytest.mark.parametrize("records", [[], [STOPPED, FAILED]])
def test_without_a_finished_trial_there_is_no_winner(records):
    with pytest.raises(SelectionError, match="learned all tasks"):
        select(records, [FAA], Rule(VALIDATION))


def test_a_trial_of_fewer_tasks_is_not_finished_whatever_its_status_says():
    half = record("half", [99] * 4, status="finished")
    assert winner(Rule(VALIDATION), [half, LATE]) == "late"


FIELDS = complete({"learner": "charon"})
RUNS = [
    replace(record, fields={**FIELDS, "learner.alpha": 0.3 + index / 10})
    for index, record in enumerate(RECORDS)
]


def facts(rule, records=RUNS):
    selection = select(records, ["val/faa"], rule, TESTED)
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
