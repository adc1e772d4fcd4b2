"""The protocol gap: test accuracies of the winners under other rules of selection.

The same finished trials are ranked by validation, by the test set, and by the first tasks. Test
accuracies are those of saved models (:mod:`charon.tuning.selection.scoring`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from charon.report.search.results import Foresight, Pick
from charon.report.statistics import number_or_none, spearman
from charon.settings import Value
from charon.tuning.records.journal import TrialRecord
from charon.tuning.selection.winner import Tested, finished, select
from charon.tuning.study.selection_rules import FIRST_TASKS, TEST, VALIDATION, Rule

VAL_FAA, TEST_FAA = "val/faa", "test/faa"


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
        by_rule = {pick.rule: pick.test for pick in self.picks}
        return by_rule[TEST] - by_rule[VALIDATION]

    def to_plain(self) -> dict[str, object]:
        """Return the content of ``gap.json``."""
        picks, foresight = map(asdict, self.picks), map(asdict, self.foresight)
        return {"flattery": self.flattery, "picks": list(picks), "foresight": list(foresight)}


def measure_gap(records: Sequence[TrialRecord], tested: Tested, first_tasks: int) -> Gap:
    """Rank the finished trials of a search under each rule by FAA, whatever the objective.

    ``first-tasks`` judges by the first task, and by ``first_tasks`` tasks.

    Raises:
        SelectionError: no trial has finished.
    """
    compared = finished(records)
    rules = [Rule(VALIDATION), Rule(TEST)]
    for task in dict.fromkeys((1, first_tasks)):
        # The joint stream has a single task, and so may lack the first tasks.
        if all(task in record.curve for record in compared):
            rules.append(Rule(FIRST_TASKS, task))
    picks: list[Pick] = []
    ranks: dict[str, list[int]] = {record.trial_id: [] for record in compared}
    for rule in rules:
        selection = select(records, [VAL_FAA], rule, tested)
        values = {name: value for name, (value,) in selection.values.items()}
        for name, value in values.items():
            ranks[name].append(1 + sum(other > value for other in values.values()))
        trial = selection.winner
        pick = Pick(
            rule=rule.name,
            after=rule.after or trial.num_tasks,
            meaning=rule.meaning,
            trial_id=trial.trial_id,
            trial=trial.label,
            score=values[trial.trial_id],
            val=trial.final[VAL_FAA],
            test=tested[trial.trial_id][TEST_FAA],
        )
        picks.append(pick)
    val = [record.final[VAL_FAA] for record in compared]
    test = [tested[record.trial_id][TEST_FAA] for record in compared]
    foresight = []
    for task in sorted(compared[0].curve):
        early = [record.curve[task][VAL_FAA] for record in compared]
        rho_val, rho_test = (number_or_none(spearman(early, late)) for late in (val, test))
        foresight.append(Foresight(task, rho_val, rho_test, len(compared)))
    return Gap(picks, foresight, ranks)


def gap_rows(gap: Gap, records: Sequence[TrialRecord], tested: Tested) -> list[list[Value]]:
    """Return a header and a row per finished trial: its accuracies, percent, and its ranks."""
    compared = finished(records)
    tasks = sorted(compared[0].curve)
    names = [
        f"rank_first_{pick.after}" if pick.rule == FIRST_TASKS else f"rank_{pick.rule}"
        for pick in gap.picks
    ]
    after = [f"val_after_{task}" for task in tasks]
    rows: list[list[Value]] = [["trial_id", "name", *after, "val", "test", *names]]
    for r in compared:
        curve = [r.curve[task][VAL_FAA] for task in tasks]
        values = [*curve, r.final[VAL_FAA], tested[r.trial_id][TEST_FAA]]
        rows.append([r.trial_id, r.label, *values, *gap.ranks[r.trial_id]])
    return rows
