"""Selection of the winner of a search, and ``selection.json``: pure functions of the records.

Only trials that learned all tasks can win: mean accuracy falls as tasks arrive, so a trial
stopped early looks better than it is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charon.errors import CharonError
from charon.report.pareto import is_dominated
from charon.tuning.records.journal import FINISHED, TrialRecord
from charon.tuning.session.provenance import repeat_command, run_command
from charon.tuning.study.objectives import directions
from charon.tuning.study.selection_rules import FLATTERS, TEST, Rule, on_test

Tested = Mapping[str, Mapping[str, float]]
"""Trial id -> metrics on the test set (``test/...``)."""


class SelectionError(CharonError):
    """No trial of a search can be its winner."""


@dataclass(frozen=True)
class Selection:
    """The winner of a search under a rule.

    Attributes:
        winner: the trial with the best first objective on the Pareto front.
        front: the Pareto front of the finished trials, by the first objective, the best first;
            for a single objective the winner alone.
        values: id of a finished trial -> its objectives under the rule.
    """

    winner: TrialRecord
    front: list[TrialRecord]
    values: dict[str, tuple[float, ...]]


def finished(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that learned all tasks, in the order they were suggested."""
    return [r for r in records if r.status == FINISHED and r.tasks_seen == r.num_tasks]


def select(
    records: Sequence[TrialRecord],
    objectives: Sequence[str],
    rule: Rule,
    tested: Tested | None = None,
) -> Selection:
    """Return the winner of a search under a rule.

    Of equally good trials the first suggested wins, which favours the paper's setting. The records
    are those of all trials in this order; the most important objective is the first; only the rule
    ``test`` needs metrics on the test set.

    Raises:
        SelectionError: no trial has finished.
    """
    candidates = finished(records)
    if not candidates:
        raise SelectionError(
            "No trial has learned all tasks, so none can be selected; run more than "
            f"{len(records)}, or prune less."
        )
    metrics = {r.trial_id: r.curve[rule.after or r.tasks_seen] for r in candidates}
    names = objectives
    if rule.name == TEST and tested is not None:
        metrics = {trial_id: {**metrics[trial_id], **tested[trial_id]} for trial_id in metrics}
        names = [on_test(name) for name in objectives]
    values = {trial_id: tuple(of[name] for name in names) for trial_id, of in metrics.items()}
    signs = [1.0 if direction == "maximize" else -1.0 for direction in directions(objectives)]
    keys = {
        name: [sign * value for sign, value in zip(signs, of_trial, strict=True)]
        for name, of_trial in values.items()
    }
    front = [r for r in candidates if not is_dominated(keys[r.trial_id], keys.values())]
    front.sort(key=lambda record: keys[record.trial_id], reverse=True)
    if len(objectives) == 1:
        front = front[:1]
    return Selection(front[0], front, values)


def selection_facts(
    records: Sequence[TrialRecord],
    selection: Selection,
    rule: Rule,
    varied: Sequence[str],
    cache: Path,
    cpus: float,
) -> dict[str, Any]:
    """Return the content of ``selection.json``: the winner, the rule, and the candidates.

    The first of all records has the paper's setting; the rule is that of the selection; the cache
    is an absolute folder, and cpus are those of a trial.
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
            "confirm_command": run_command(["--config", "winner.json"], cache, cpus),
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
