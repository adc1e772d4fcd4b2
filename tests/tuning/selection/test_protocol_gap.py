"""What selecting on the test set would have flattered, against numbers worked out by hand."""

import json

import pytest
from tuning.search_records import EARLY, LATE, PAPER, RECORDS, TESTED, record

from charon.tuning.selection.protocol_gap import measure_gap, write_gap
from charon.tuning.selection.winner import SelectionError


@pytest.fixture
def gap():
    return measure_gap(RECORDS, TESTED, first_tasks=2)


def test_each_rule_has_its_winner_and_his_test_accuracy(gap):
    found = [(p.rule, p.after, p.trial_id, p.score, p.test) for p in gap.picks]
    assert found == [
        ("validation", 6, "late", 60, 55.0),
        ("test", 6, "early", 57.0, 57.0),
        ("first-tasks", 1, "early", 99, 57.0),
        ("first-tasks", 2, "paper", 80, 52.0),
    ]


def test_flattery_is_what_the_test_picked_trial_has_more_on_the_test_set(gap):
    assert gap.flattery == 57.0 - 55.0


def test_every_finished_trial_has_its_rank_under_every_rule(gap):
    # By validation 50 40 60, by test 52 57 55, after one task 90 99 80, after two 80 70 78.
    ranks = gap.ranks.set_index("trial_id").filter(like="rank_")
    assert ranks.loc["paper"].tolist() == [2, 3, 2, 1]
    assert ranks.loc["early"].tolist() == [3, 1, 1, 3]
    assert ranks.loc["late"].tolist() == [1, 2, 3, 2]


def test_equal_trials_share_the_better_rank():
    records = [record("a", [50, 60], 2), record("b", [50, 60], 2), record("c", [50, 40], 2)]
    tested = {name: {"test/faa": 50.0} for name in "abc"}
    assert measure_gap(records, tested, 1).ranks["rank_validation"].tolist() == [1, 1, 3]


def test_the_foresight_of_each_task_by_hand(gap):
    rho = {f.task: (f.rho_val, f.rho_test) for f in gap.foresight}
    # Ranks after one task 2 3 1, at the end 2 1 3 on validation and 1 3 2 on test.
    assert rho[1] == (pytest.approx(-1.0), pytest.approx(0.5))
    # After two tasks 3 1 2: differences 1 0 -1 to validation; 2 -2 0 to test.
    assert rho[2] == (pytest.approx(0.5), pytest.approx(-1.0))
    assert rho[6] == (pytest.approx(1.0), pytest.approx(-0.5))
    assert {f.n for f in gap.foresight} == {3}


def test_two_trials_have_no_foresight_and_json_says_so(tmp_path):
    gap = measure_gap([PAPER, LATE], TESTED, first_tasks=2)
    assert all(f.rho_val is None for f in gap.foresight)
    write_gap(gap, tmp_path)
    plain = json.loads((tmp_path / "gap.json").read_text())
    assert list(plain) == ["flattery", "picks", "foresight"]
    assert plain["foresight"][0] == {"task": 1, "rho_val": None, "rho_test": None, "n": 2}
    assert plain["flattery"] == 0.0


def test_the_rule_of_the_first_tasks_stands_once_where_it_is_the_first_task():
    assert len(measure_gap([EARLY, LATE], TESTED, first_tasks=1).picks) == 3


def test_without_a_finished_trial_there_is_no_gap():
    with pytest.raises(SelectionError):
        measure_gap([record("a", [90])], {}, first_tasks=1)


def test_the_gap_has_a_row_per_finished_trial_with_its_curve_and_ranks(gap, tmp_path):
    write_gap(gap, tmp_path)
    header, *rows = (tmp_path / "gap.csv").read_text().splitlines()
    assert header.startswith("trial_id,name,val_after_1,")
    assert header.endswith(",val,test,rank_validation,rank_test,rank_first_1,rank_first_2")
    assert [row.partition(",")[0] for row in rows] == ["paper", "early", "late"]
    assert rows[0] == "paper,label paper,90,80,70,62,56,50,50,52.0,2,3,2,1"
