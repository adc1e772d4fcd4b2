"""Why a trial was stopped, failed or won, told from the journal alone."""

import pytest
from tuning.session.test_resume import plan

from charon.errors import CheckpointError
from charon.tuning.records.journal import FAILED, FINISHED, PRUNED, Journal
from charon.tuning.records.why import why
from charon.tuning.study.space import Real


@pytest.fixture
def folder(tmp_path):
    """A search of six tasks: 1 and 2 finished, 3 was stopped after two tasks, 4 failed."""
    space = {"learner.alpha": Real(0.1, 1.0)}
    plan(num_trials=5, objectives=("val/faa",), pruner="asha", space=space).write(tmp_path)
    journal = Journal(tmp_path / "journal.jsonl")
    ends = [(6, FINISHED, 60.0), (6, FINISHED, 50.0), (2, PRUNED, 40.0), (1, FAILED, 90.0)]
    for number, (seen, outcome, faa) in enumerate(ends, start=1):
        name = f"t{number}"
        tags = {"command": f"python search.py --number {number}"}
        journal.append("trial", name, label=f"run {number}", fields={}, tags=tags, number=number)
        for _ in range(number):
            journal.append("start", name)
        for task in range(1, seen + 1):
            journal.append(
                "report", name, task=task, num_tasks=6, metrics={"val/faa": faa}, matrix=[],
                seconds=1.0,
            )  # fmt: skip
        error = "The loss is nan." if outcome == FAILED else ""
        journal.append("end", name, outcome=outcome, error=error)
    return tmp_path


@pytest.mark.parametrize("name", ["t3", "run 3", "run_3", "3"])
def test_a_stopped_trial_names_the_rung_and_whom_it_was_judged_against(folder, name):
    reason = why(folder, name)
    assert reason.sentence == (
        "it was stopped after 2 of 6 tasks: its val/faa of 40.0 was below 55.0, the median of "
        "2 trials that had learned 2 tasks before it."
    )
    assert reason.others == {"run 1": 60.0, "run 2": 50.0}
    assert (reason.starts, reason.command) == (3, "python search.py --number 3")


def test_a_finished_trial_of_a_search_has_its_rank(folder):
    reason = why(folder, "2")
    assert reason.sentence == "it finished, with val/faa 50.0: number 2 of 2 finished trials."
    assert list(reason.others) == ["run 1", "run 2"]


def test_a_failed_trial_says_of_what(folder):
    assert why(folder, "4").sentence == "it failed after 1 of 6 tasks: The loss is nan."
    assert why(folder, "4").as_json()["error"] == "The loss is nan."


def test_a_grid_ranks_nothing(folder):
    plan(num_trials=5, objectives=("val/faa",)).write(folder)
    assert why(folder, "1").sentence == "it finished, with val/faa 60.0; a grid ranks nothing."


def test_a_trial_that_waits_says_what_the_study_does(folder):
    Journal(folder / "journal.jsonl").append("trial", "t5", label="run 5", fields={}, tags={})
    assert why(folder, "t5").sentence == "it is pending; the study is interrupted."


def test_a_trial_that_is_not_there_is_one_sentence(folder):
    with pytest.raises(CheckpointError, match="has no trial 'run 9'; give its name, such as"):
        why(folder, "run 9")
