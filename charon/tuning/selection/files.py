"""The files of a search's selection and protocol gap, for people and for the report."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from charon.settings import Value
from charon.tuning.records.journal import TrialRecord
from charon.tuning.selection.protocol_gap import TEST_FAA, VAL_FAA, Gap
from charon.tuning.selection.rules import Selection, Tested, finished
from charon.tuning.session.commands import repeat_command, run_command
from charon.tuning.study.selection_rules import FIRST_TASKS, FLATTERS, TEST, Rule

SELECTION, WINNER, GAP, GAP_TABLE = "selection.json", "winner.json", "gap.json", "gap.csv"


def selection_facts(
    records: Sequence[TrialRecord],
    chosen: Selection,
    rule: Rule,
    paper: Mapping[str, Value],
    varied: Sequence[str],
    cache: Path,
    cpus: float,
) -> dict[str, Any]:
    """Return the content of ``selection.json``: the winner, the rule, and among which trials.

    Args:
        records: all trials.
        chosen: what the rule says of them.
        rule: the rule.
        paper: all fields of the first trial.
        varied: the fields of the space.
        cache: absolute folder of the prepared sets.
        cpus: of one trial.
    """
    return {
        "rule": rule.name,
        "meaning": rule.meaning,
        "warning": FLATTERS if rule.name == TEST else "",
        "trials": dict(Counter(record.status for record in records)),
        "winner": _entry(chosen.winner, chosen, varied)
        | {
            "is_paper": chosen.winner.fields == paper,
            "command": repeat_command(chosen.winner.fields, cache, cpus),
            "confirm_command": run_command(["--config", WINNER], cache, cpus),
        },
        "paper": {name: paper[name] for name in varied},
        "paper_id": next(r.trial_id for r in records if r.fields == paper),
        "front": [_entry(record, chosen, varied) for record in chosen.front],
    }


def _entry(record: TrialRecord, chosen: Selection, varied: Sequence[str]) -> dict[str, Any]:
    return {
        "trial_id": record.trial_id,
        "name": record.label,
        "values": list(chosen.values[record.trial_id]),
        "fields": {name: record.fields[name] for name in varied},
    }


def gap_rows(gap: Gap, records: Sequence[TrialRecord], tested: Tested) -> list[list[Value]]:
    """Return a header and one row a finished trial: its accuracies, percent, and its ranks."""
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
