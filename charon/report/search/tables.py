"""The tables of a search's page, each a header and its rows."""

from typing import Any

import pandas as pd

from charon.report.search.results import (
    BUFFER_SIZE,
    FINISHED,
    PRUNED,
    Found,
    in_units,
    metric_title,
    title,
    value_text,
)
from charon.report.search.worth import rule_name

GROUPS = {FINISHED: 0, PRUNED: 1, "failed": 2}
"""The order of outcomes in the table of all trials; others come last."""

Table = tuple[list[str], list[list[str]]]


def settings_table(found: Found) -> Table:
    """Return the searched fields and the memory of the winner beside the paper's."""
    winner, paper = found.selection["winner"]["fields"], found.selection["paper"]
    rows = [[title(n), value_text(winner[n]), value_text(paper[n])] for n in found.fields]
    if BUFFER_SIZE in found.results.trials:
        both = [found.winning_trial, found.paper_trial]
        clips = [_known(trial["memory/clips"], "{:.0f}") for trial in both]
        size = [_known(trial["memory/bytes"] / 1000, "{:.1f}") for trial in both]
        rows += [["clips in its memory", *clips], ["memory, kB", *size]]
    return ["field", "winner", "paper's setting"], rows


def _known(value: float, form: str) -> str:
    return "–" if value != value else form.format(value)


def front_table(found: Found) -> Table:
    """Return the trials on the Pareto front with their objectives."""
    names = found.objectives
    header = ["trial", *(metric_title(name) for name in names)]
    rows = [
        [one["name"], *(f"{in_units(n, v):.1f}" for n, v in zip(names, one["values"], strict=True))]
        for one in found.selection["front"]
    ]
    return header, rows


def trials_table(found: Found) -> Table:
    """Return all trials: finished ones, the best first; then by how far they came; then failed."""
    names = found.objectives
    header = ["trial", "outcome", *map(metric_title, names), *map(title, found.fields)]
    rows = [
        [
            f"#{trial['number']}",
            _outcome(found, trial),
            *(_known(in_units(name, trial[name]), "{:.1f}") for name in names),
            *(value_text(trial[field]) for field in found.fields),
        ]
        for trial in _ranked(found)
    ]
    return header, rows


def _ranked(found: Found) -> list[dict[Any, Any]]:
    trials = found.results.trials
    sign = -1 if found.selection["directions"][0] == "maximize" else 1
    keys = pd.DataFrame(
        {
            "group": trials["status"].map(GROUPS).fillna(len(GROUPS)),
            "objective": sign * trials[found.objectives[0]],
            "tasks": -trials["tasks_seen"],
            "number": trials["number"],
        }
    )
    return trials.loc[keys.sort_values(keys.columns.tolist()).index].to_dict("records")


def _outcome(found: Found, trial: dict[Any, Any]) -> str:
    """Return how a trial ended, and what else it is known for."""
    text = "stopped early" if trial["status"] == PRUNED else str(trial["status"])
    if trial["status"] != FINISHED:
        of_all = _known(trial["num_tasks"], " of {:.0f}").removeprefix("–")
        text += f" after {trial['tasks_seen']}{of_all} tasks"
    roles = {found.winner: "the winner", found.selection["paper_id"]: "the paper's setting"}
    if found.winner == found.selection["paper_id"]:
        roles = {found.winner: "the winner and the paper's setting"}
    role = roles.get(trial["trial_id"])
    return f"{text}: {role}" if role else text


def picks_table(found: Found) -> Table:
    """Return whom each rule would pick; the gap must be known."""
    assert found.gap is not None
    rows = [
        [
            rule_name(pick),
            str(pick["trial"]),
            f"{pick['score']:.1f}",
            f"{pick['val']:.1f}",
            f"{pick['test']:.1f}",
        ]
        for pick in found.gap["picks"]
    ]
    return ["picked by", "trial", "its score", "val FAA", "test FAA"], rows


def foresight_table(found: Found) -> Table:
    """Return how early the final order is known; the gap must be known."""
    assert found.gap is not None
    header = ["validation accuracy after task", "rho with val FAA", "rho with test FAA", "n"]
    rows = [
        [str(f["task"]), _rho(f["rho_val"]), _rho(f["rho_test"]), str(f["n"])]
        for f in found.gap["foresight"]
    ]
    return header, rows


def unknown_note(found: Found) -> str:
    """Return what a dash in the foresight means; empty where there is none."""
    assert found.gap is not None
    values = [f[name] for f in found.gap["foresight"] for name in ("rho_val", "rho_test")]
    return " (–: all trials are equal there)" if None in values else ""


def _rho(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
