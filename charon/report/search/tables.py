"""The tables of a search's page, each a header and its rows."""

from typing import Any

import pandas as pd

from charon.report.names import (
    field_title,
    in_units,
    metric_title,
    number_text,
    value_text,
)
from charon.report.search.results import BUFFER_SIZE, FAILED, FINISHED, PRUNED, Gap, Search

ORDER = [FINISHED, PRUNED, FAILED]
"""Of outcomes in the table of all trials; others come last."""

Table = tuple[list[str], list[list[str]]]


def settings_table(search: Search) -> Table:
    """Return the searched fields and the memory of the winner beside the paper's."""
    winner, paper = search.selection.winner.fields, search.selection.paper
    rows = [[field_title(n), value_text(winner[n]), value_text(paper[n])] for n in search.fields]
    if BUFFER_SIZE in search.results.trials:
        both = [search.winning_trial, search.paper_trial]
        clips = [number_text(trial["memory/clips"], 0) for trial in both]
        size = [number_text(trial["memory/bytes"] / 1000) for trial in both]
        rows += [["clips in its memory", *clips], ["memory, kB", *size]]
    return ["field", "winner", "paper's setting"], rows


def front_table(search: Search) -> Table:
    """Return the trials on the Pareto front with their objectives."""
    names = search.selection.objectives
    rows = [
        [t.name, *(number_text(in_units(n, v)) for n, v in zip(names, t.values, strict=True))]
        for t in search.selection.front
    ]
    return ["trial", *map(metric_title, names)], rows


def importance_table(search: Search) -> Table:
    """Return how much each field mattered for each objective; empty where it is not known."""
    if search.importance.empty:
        return [], []
    objectives = search.selection.objectives
    shares = search.importance.pivot(index="field", columns="objective", values="importance")
    ordered = shares.reindex(columns=objectives).sort_values(objectives[0], ascending=False)
    rows = [
        [field_title(str(field)), *(number_text(share, 2) for share in row)]
        for field, row in zip(ordered.index, ordered.to_numpy(), strict=True)
    ]
    return ["field", *(f"share for {name}" for name in objectives)], rows


def trials_table(search: Search) -> Table:
    """Return all trials: finished ones, the best first; then by how far they came; then failed."""
    names = search.selection.objectives
    header = ["trial", "outcome", *map(metric_title, names), *map(field_title, search.fields)]
    rows = [
        [
            f"#{trial['number']}",
            _outcome(search, trial),
            *(number_text(in_units(name, trial[name])) for name in names),
            *(value_text(trial[field]) for field in search.fields),
        ]
        for trial in _ranked(search)
    ]
    return header, rows


def _ranked(search: Search) -> list[dict[Any, Any]]:
    trials, selection = search.results.trials, search.selection
    sign = -1 if selection.directions[0] == "maximize" else 1
    groups = {status: place for place, status in enumerate(ORDER)}
    keys = pd.DataFrame(
        {
            "group": trials["status"].map(groups).fillna(len(ORDER)),
            "objective": sign * trials[selection.objectives[0]],
            "tasks": -trials["tasks_seen"],
            "number": trials["number"],
        }
    )
    return trials.loc[keys.sort_values(keys.columns.tolist()).index].to_dict("records")


def _outcome(search: Search, trial: dict[Any, Any]) -> str:
    """Return how a trial ended, and whether it is the winner or the paper's setting."""
    text = "stopped early" if trial["status"] == PRUNED else str(trial["status"])
    if trial["status"] != FINISHED:
        total = trial["num_tasks"]
        text += f" after {trial['tasks_seen']}{'' if total != total else f' of {total:.0f}'} tasks"
    ids = {
        "the winner": search.selection.winner.trial_id,
        "the paper's setting": search.selection.paper_id,
    }
    roles = [name for name, trial_id in ids.items() if trial_id == trial["trial_id"]]
    return f"{text}: {' and '.join(roles)}" if roles else text


def picks_table(gap: Gap) -> Table:
    """Return each rule's pick."""
    rows = [
        [pick.rule_name, pick.trial, *map(number_text, (pick.score, pick.val, pick.test))]
        for pick in gap.picks
    ]
    return ["picked by", "trial", "its score", "val FAA", "test FAA"], rows


def foresight_table(gap: Gap) -> Table:
    """Return how early the final order is known."""
    header = ["validation accuracy after task", "rho with val FAA", "rho with test FAA", "n"]
    rows = [
        [str(f.task), number_text(f.rho_val, 2), number_text(f.rho_test, 2), str(f.n)]
        for f in gap.foresight
    ]
    return header, rows
