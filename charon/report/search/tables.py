"""The tables of a search's page, each a header and its rows."""

from charon.report.search.found import BUFFER_SIZE, Found, in_units, metric_title, title, value_text
from charon.report.search.worth import rule_name

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
