"""The tables of a search's page, each a header and its rows, with names that a reader knows."""

import pandas as pd

from charon.report.names import field_text, field_title, in_units, metric_title, number_text
from charon.report.search.results import BUFFER_SIZE, FINISHED, OVER, PRUNED, Gap, Search
from charon.report.tables import Table


def settings_table(search: Search) -> Table:
    """Return the searched fields and the memory of the winner beside the paper's."""
    winner, paper = search.selection.winner.fields, search.selection.paper
    rows = [[field_title(n), field_text(n, winner[n]), field_text(n, paper[n])] for n in paper]
    if BUFFER_SIZE in search.results.trials:
        both = search.compared.values()
        rows += [
            ["clips in its memory", *(number_text(trial["memory/clips"], 0) for trial in both)],
            ["memory, kB", *(number_text(trial["memory/bytes"] / 1000) for trial in both)],
        ]
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
    """Return how much each field mattered for each objective."""
    objectives = search.selection.objectives
    shares = search.importance.pivot(index="field", columns="objective", values="importance")
    ordered = shares.reindex(columns=objectives).sort_values(objectives[0], ascending=False)
    rows = [
        [field_title(field), *(number_text(share, 2) for share in row)]
        for field, *row in ordered.itertuples()
    ]
    return ["field", *(f"share for {name}" for name in objectives)], rows


def trials_table(search: Search) -> Table:
    """Return all trials: finished ones, the best first; then by how far they came; then failed."""
    trials, selection = search.results.trials, search.selection
    names, fields, compared = selection.objectives, list(selection.paper), search.compared
    ranked = trials.assign(place=trials["status"].map({s: n for n, s in enumerate(OVER)}))
    ranked = ranked.sort_values(
        ["place", names[0], "tasks_seen", "number"],
        ascending=[True, selection.directions[0] == "minimize", False, True],
    )
    rows = []
    for trial in ranked.to_dict("records"):
        outcome = "stopped early" if trial["status"] == PRUNED else trial["status"]
        if trial["status"] != FINISHED:
            total = "" if pd.isna(trial["num_tasks"]) else f" of {trial['num_tasks']:.0f}"
            outcome += f" after {trial['tasks_seen']}{total} tasks"
        roles = [name for name in compared if compared[name]["trial_id"] == trial["trial_id"]]
        outcome += f": {' and '.join(roles)}" if roles else ""
        values = [number_text(in_units(name, trial[name])) for name in names]
        settings = [field_text(field, trial[field]) for field in fields]
        rows.append([f"#{trial['number']}", outcome, *values, *settings])
    return ["trial", "outcome", *map(metric_title, names), *map(field_title, fields)], rows


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
        [
            str(after.task),
            number_text(after.rho_val, 2),
            number_text(after.rho_test, 2),
            str(after.n),
        ]
        for after in gap.foresight
    ]
    return header, rows
