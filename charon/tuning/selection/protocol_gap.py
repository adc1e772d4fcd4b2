"""The protocol gap: test accuracies of the winners under other rules of selection.

The same finished trials are ranked by validation, by the test set, and by the first tasks. Test
accuracies are those of saved models (:mod:`charon.tuning.selection.scoring`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from charon.report.statistics import number_or_none, spearman
from charon.tuning.records.journal import TrialRecord
from charon.tuning.selection.winner import Tested, finished, select
from charon.tuning.study.selection_rules import FIRST_TASKS, TEST, VALIDATION, Rule

VAL_FAA, TEST_FAA = "val/faa", "test/faa"


@dataclass(frozen=True)
class Pick:
    """A rule's winner.

    Attributes:
        rule: of selection.
        trial: the winner.
        score: by which it was selected, percent.
        val, test: its FAA on validation clips and on the test set, percent.
    """

    rule: Rule
    trial: TrialRecord
    score: float
    val: float
    test: float


@dataclass(frozen=True)
class Foresight:
    """How well the order of trials after a task predicts the final order.

    Attributes:
        task: tasks seen.
        val, test: Spearman's rho of the validation accuracy after them and the final
            validation and test accuracy; NaN for fewer than three trials or equal values.
        n: finished trials.
    """

    task: int
    val: float
    test: float
    n: int


@dataclass(frozen=True)
class Gap:
    """The protocol gap.

    Attributes:
        picks: by validation, test, the first task, and the first tasks.
        foresight: for every number of tasks seen.
        ranks: trial id -> its rank under each of the picks' rules, 1 the best; equal trials
            share the better rank.
    """

    picks: list[Pick]
    foresight: list[Foresight]
    ranks: dict[str, list[int]]

    @property
    def flattery(self) -> float:
        """Points of test accuracy by which picking on the test set beats picking on validation."""
        by_rule = {pick.rule.name: pick.test for pick in self.picks}
        return by_rule[TEST] - by_rule[VALIDATION]


def measure_gap(records: Sequence[TrialRecord], tested: Tested, first_tasks: int) -> Gap:
    """Rank the finished trials of a search under each rule.

    Args:
        records: all trials; finished trials are compared by FAA, whatever the objective.
        tested: metrics of the finished trials on the test set.
        first_tasks: tasks that ``first-tasks`` judges by.

    Raises:
        SelectionError: no trial has finished.
    """
    compared = finished(records)
    # The joint stream has a single task, and so may lack the first tasks.
    early = [
        task
        for task in dict.fromkeys((1, first_tasks))
        if all(task in record.curve for record in compared)
    ]
    rules = [Rule(VALIDATION), Rule(TEST), *(Rule(FIRST_TASKS, task) for task in early)]
    picks, by_rule = [], []
    for rule in rules:
        selection = select(records, [VAL_FAA], ["maximize"], rule, tested)
        by_rule.append({name: value for name, (value,) in selection.values.items()})
        trial, score = selection.winner, by_rule[-1][selection.winner.trial_id]
        test = tested[trial.trial_id][TEST_FAA]
        picks.append(Pick(rule, trial, score, trial.final[VAL_FAA], test))
    columns = [_ranks([values[r.trial_id] for r in compared]) for values in by_rule]
    ranks = {
        record.trial_id: list(row)
        for record, row in zip(compared, zip(*columns, strict=True), strict=True)
    }
    return Gap(picks, _foresight(compared, tested), ranks)


def _ranks(values: Sequence[float]) -> list[int]:
    return [1 + sum(other > value for other in values) for value in values]


def _foresight(compared: Sequence[TrialRecord], tested: Tested) -> list[Foresight]:
    val = [record.final[VAL_FAA] for record in compared]
    test = [tested[record.trial_id][TEST_FAA] for record in compared]
    foresight = []
    for task in sorted(compared[0].curve):
        early = [record.curve[task][VAL_FAA] for record in compared]
        rho_val, rho_test = spearman(early, val), spearman(early, test)
        foresight.append(Foresight(task, rho_val, rho_test, len(compared)))
    return foresight


def as_plain(gap: Gap) -> dict[str, object]:
    """Return the gap as plain values for JSON, None for NaN."""
    return {
        "flattery": gap.flattery,
        "picks": [
            {
                "rule": pick.rule.name,
                "after": pick.rule.after or pick.trial.num_tasks,
                "meaning": pick.rule.meaning,
                "trial_id": pick.trial.trial_id,
                "trial": pick.trial.label,
                "score": pick.score,
                "val": pick.val,
                "test": pick.test,
            }
            for pick in gap.picks
        ],
        "foresight": [
            {
                "task": f.task,
                "rho_val": number_or_none(f.val),
                "rho_test": number_or_none(f.test),
                "n": f.n,
            }
            for f in gap.foresight
        ],
    }
