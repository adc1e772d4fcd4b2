"""The tables of a search's page, each a header and its rows, with names that a reader knows."""

from typing import Any

import pandas as pd

from charon.report.search.results import BUFFER_SIZE, FINISHED, OVER, PRUNED, Gap, Search

SYMBOLS = {
    "learner.masking_ratio": "masking ratio η",
    "learner.sampling_interval": "sampling interval s",
    "learner.buffer_size": "buffer size M",
    "learner.alpha": "α",
    "learner.beta": "β",
    "learner.gamma": "γ",
}

UNITS = {"memory/bytes": ("memory", "kB", 1e-3), "time/train_seconds": ("training time", "s", 1.0)}
"""Of metrics that are no accuracies: name, unit, and the factor of that unit."""

Table = tuple[list[str], list[list[str]]]


def field_title(field: str) -> str:
    """Return what a reader calls a field."""
    return SYMBOLS.get(field, field.rpartition(".")[2].replace("_", " "))


def metric_title(metric: str) -> str:
    """Return a metric's name with its unit, for an axis or a column."""
    if metric in UNITS:
        name, unit, _ = UNITS[metric]
        return f"{name}, {unit}"
    part, _, name = metric.partition("/")
    where = {"val": "validation ", "test": "test "}.get(part, "")
    text = {"faa": "FAA", "bwt": "BWT"}.get(name, name.replace("_", " "))
    return f"{where}{text}, percent"


def in_units(metric: str, values: Any) -> Any:
    """Return a metric's values in the unit of its title."""
    return values * UNITS[metric][2] if metric in UNITS else values


def settings_table(search: Search) -> Table:
    """Return the searched fields and the memory of the winner beside the paper's."""
    winner, paper = search.selection.winner.fields, search.selection.paper
    rows = [[field_title(n), _value(winner[n]), _value(paper[n])] for n in paper]
    if BUFFER_SIZE in search.results.trials:
        both = search.compared.values()
        rows += [
            ["clips in its memory", *(_number(trial["memory/clips"], 0) for trial in both)],
            ["memory, kB", *(_number(trial["memory/bytes"] / 1000) for trial in both)],
        ]
    return ["field", "winner", "paper's setting"], rows


def front_table(search: Search) -> Table:
    """Return the trials on the Pareto front with their objectives."""
    names = search.selection.objectives
    rows = [
        [t.name, *(_number(in_units(n, v)) for n, v in zip(names, t.values, strict=True))]
        for t in search.selection.front
    ]
    return ["trial", *map(metric_title, names)], rows


def importance_table(search: Search) -> Table:
    """Return how much each field mattered for each objective."""
    objectives = search.selection.objectives
    shares = search.importance.pivot(index="field", columns="objective", values="importance")
    ordered = shares.reindex(columns=objectives).sort_values(objectives[0], ascending=False)
    rows = [
        [field_title(field), *(_number(share, 2) for share in row)]
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
        values = [_number(in_units(name, trial[name])) for name in names]
        settings = [_value(trial[field]) for field in fields]
        rows.append([f"#{trial['number']}", outcome, *values, *settings])
    return ["trial", "outcome", *map(metric_title, names), *map(field_title, fields)], rows


def picks_table(gap: Gap) -> Table:
    """Return each rule's pick."""
    rows = [
        [pick.rule_name, pick.trial, *map(_number, (pick.score, pick.val, pick.test))]
        for pick in gap.picks
    ]
    return ["picked by", "trial", "its score", "val FAA", "test FAA"], rows


def foresight_table(gap: Gap) -> Table:
    """Return how early the final order is known."""
    header = ["validation accuracy after task", "rho with val FAA", "rho with test FAA", "n"]
    rows = [
        [str(after.task), _number(after.rho_val, 2), _number(after.rho_test, 2), str(after.n)]
        for after in gap.foresight
    ]
    return header, rows


def _value(value: object) -> str:
    """Return a field's value as text; None and pandas' NaN are ``none``."""
    if value is None or value != value:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(value: float | None, digits: int = 1) -> str:
    """Return a number with so many decimals; a dash where it is not known."""
    return "–" if value is None or value != value else f"{value:.{digits}f}"
