"""The protocol gap: test accuracies of the winners under other rules of selection.

The same finished trials are ranked by validation, by the test set, and by the first tasks. Test
accuracies are those of saved models (:mod:`charon.tuning.selection.scoring`).
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from charon.files import write_csv, write_json
from charon.report.search.results import Foresight, Gap, Pick
from charon.report.significance import spearman
from charon.report.statistics import number_or_none
from charon.tuning.records.journal import TrialRecord
from charon.tuning.selection.winner import Tested, finished, select
from charon.tuning.study.selection_rules import FIRST_TASKS, TEST, VALIDATION, Rule

GAP, GAP_TABLE = "gap.json", "gap.csv"

VAL_FAA, TEST_FAA = "val/faa", "test/faa"


def measure_gap(records: Sequence[TrialRecord], tested: Tested, first_tasks: int) -> Gap:
    """Rank the finished trials of a search under each rule by FAA, whatever the objective.

    ``first-tasks`` judges by the first task, and by ``first_tasks`` tasks. The best trial has the
    rank 1, and equal trials share the better rank.

    Raises:
        SelectionError: no trial has finished.
    """
    compared = finished(records)
    rules = [Rule(VALIDATION), Rule(TEST)]
    for task in dict.fromkeys((1, first_tasks)):
        # The joint stream has a single task, and so may lack the first tasks.
        if all(task in record.curve for record in compared):
            rules.append(Rule(FIRST_TASKS, task))
    picks, ranks = {}, {}
    for rule in rules:
        selection = select(records, [VAL_FAA], rule, tested)
        trial, scores = selection.winner, [score for (score,) in selection.values.values()]
        name = f"first_{rule.after}" if rule.after else rule.name
        ranks[f"rank_{name}"] = [1 + sum(other > score for other in scores) for score in scores]
        picks[name] = Pick(
            rule=rule.name,
            after=rule.after or trial.num_tasks,
            meaning=rule.meaning,
            trial_id=trial.trial_id,
            trial=trial.label,
            score=selection.values[trial.trial_id][0],
            val=trial.final[VAL_FAA],
            test=tested[trial.trial_id][TEST_FAA],
        )
    val = [record.final[VAL_FAA] for record in compared]
    test = [tested[record.trial_id][TEST_FAA] for record in compared]
    foresight, curves = [], {}
    for task in sorted(compared[0].curve):
        early = [record.curve[task][VAL_FAA] for record in compared]
        rho_val, rho_test = (number_or_none(spearman(early, late)) for late in (val, test))
        foresight.append(Foresight(task, rho_val, rho_test, len(compared)))
        curves[f"val_after_{task}"] = early
    who = {"trial_id": [r.trial_id for r in compared], "name": [r.label for r in compared]}
    table = pd.DataFrame({**who, **curves, "val": val, "test": test, **ranks})
    flattery = picks[TEST].test - picks[VALIDATION].test
    return Gap(flattery, list(picks.values()), foresight, table)


def write_gap(gap: Gap, folder: Path) -> None:
    """Write ``gap.json``, and ``gap.csv`` with the ranks."""
    content = asdict(gap)
    ranks = content.pop("ranks")
    write_json(folder / GAP, content)
    write_csv(folder / GAP_TABLE, list(ranks), ranks.itertuples(index=False))
