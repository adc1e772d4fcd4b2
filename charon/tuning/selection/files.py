"""Files of a search's selection and protocol gap, for its report."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charon.settings import Value
from charon.tuning.records.journal import TrialRecord
from charon.tuning.selection.protocol_gap import TEST_FAA, VAL_FAA, Gap
from charon.tuning.selection.winner import Selection, Tested, finished
from charon.tuning.session.commands import repeat_command, run_command
from charon.tuning.study.selection_rules import FIRST_TASKS, FLATTERS, TEST, Rule

SELECTION, WINNER, GAP, GAP_TABLE = "selection.json", "winner.json", "gap.json", "gap.csv"


def selection_facts(
    records: Sequence[TrialRecord],
    selection: Selection,
    rule: Rule,
    varied: Sequence[str],
    cache: Path,
    cpus: float,
) -> dict[str, Any]:
    """Return the content of ``selection.json``: the winner, the rule, and the candidates.

    Args:
        records: all trials; the first has the paper's setting.
        selection: of the winner.
        rule: by which it is selected.
        varied: the fields of the space.
        cache: absolute folder of the prepared sets.
        cpus: of a trial.
    """
    winner, paper = selection.winner, records[0]
    return {
        "rule": rule.name,
        "meaning": rule.meaning,
        "warning": FLATTERS if rule.name == TEST else "",
        "trials": dict(Counter(record.status for record in records)),
        "winner": _entry(winner, selection, varied)
        | {
            "is_paper": winner.fields == paper.fields,
            "command": repeat_command(winner.fields, cache, cpus),
            "confirm_command": run_command(["--config", WINNER], cache, cpus),
        },
        "paper": {name: paper.fields[name] for name in varied},
        "paper_id": paper.trial_id,
        "front": [_entry(record, selection, varied) for record in selection.front],
    }


def _entry(record: TrialRecord, selection: Selection, varied: Sequence[str]) -> dict[str, Any]:
    return {
        "trial_id": record.trial_id,
        "name": record.label,
        "values": list(selection.values[record.trial_id]),
        "fields": {name: record.fields[name] for name in varied},
    }


def gap_rows(gap: Gap, records: Sequence[TrialRecord], tested: Tested) -> list[list[Value]]:
    """Return a header and a row per finished trial: its accuracies, percent, and its ranks."""
    compared = finished(records)
    tasks = sorted(compared[0].curve)
    names = [_rank_name(pick.rule) for pick in gap.picks]
    after = [f"val_after_{task}" for task in tasks]
    rows: list[list[Value]] = [["trial_id", "name", *after, "val", "test", *names]]
    for r in compared:
        curve = [r.curve[task][VAL_FAA] for task in tasks]
        values = [*curve, r.final[VAL_FAA], tested[r.trial_id][TEST_FAA]]
        rows.append([r.trial_id, r.label, *values, *gap.ranks[r.trial_id]])
    return rows


def _rank_name(rule: Rule) -> str:
    return f"rank_first_{rule.after}" if rule.name == FIRST_TASKS else f"rank_{rule.name}"
