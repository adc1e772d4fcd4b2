"""The page of a search: README.md with tables and pictures, and the short text for the console."""

from collections.abc import Callable, Iterator

from matplotlib.figure import Figure

from charon.files import write_text
from charon.report.generic import generic_table
from charon.report.search.found import Found, in_units, metric_title, read_found, title, value_text
from charon.report.search.methods import confirmed_means, effort, methods
from charon.report.search.trials import (
    draw_history,
    draw_importance,
    draw_parallel,
    draw_slices,
    draw_timeline,
)
from charon.report.search.worth import draw_confirmed, draw_front, draw_gap, rule_name
from charon.report.style import styled
from charon.report.tables import Results, markdown_table, text_table

PICTURES: dict[str, tuple[str, Callable[[Found], Figure | None]]] = {
    "confirm": ("The winner and the paper's setting, confirmed", draw_confirmed),
    "history": ("The objective of every trial, in order", draw_history),
    "importance": ("Which fields mattered", draw_importance),
    "parallel_coordinates": ("Every finished trial's setting", draw_parallel),
    "slices": ("The objective against each field", draw_slices),
    "pareto_front": ("The Pareto front", draw_front),
    "timeline": ("When each trial ran", draw_timeline),
    "gap": ("The protocol gap", draw_gap),
}
"""By file name: what a picture shows, and how it is drawn; None where there is nothing to draw."""

Table = tuple[list[str], list[list[str]]]


def describe(results: Results) -> str:
    """Draw the pictures, write the page and return the text for the console."""
    found = read_found(results)
    if found is None:
        return (
            "The search is not over, so no trial is selected yet; go on with --resume.\n"
            + generic_table(results)
        )
    drawn = _draw(found)
    write_text(results.folder / "README.md", "\n\n".join(_page(found, drawn)) + "\n")
    return "\n".join(_console(found))


def _draw(found: Found) -> list[str]:
    """Draw the pictures there is something for; return their names."""
    drawn = []
    with styled():
        for name, (_, draw) in PICTURES.items():
            path = found.results.folder / f"{name}.png"
            figure = draw(found)
            if figure is None:
                path.unlink(missing_ok=True)
            else:
                figure.savefig(path)
                drawn.append(name)
    return drawn


def _console(found: Found) -> Iterator[str]:
    if found.unfinished:
        yield found.unfinished
    yield f"{effort(found)}; the winner: {found.selection['winner']['name']}"
    if found.selection["warning"]:
        yield found.selection["warning"]
    yield text_table(*_settings(found))
    if len(found.objectives) > 1:
        yield "\nPareto front"
        yield text_table(*_front(found))
    for role, mean in confirmed_means(found).items():
        yield f"Confirmed test FAA % of {role}: {mean}"
    if found.gap is not None:
        yield "\nWho would have won under other rules, among the same finished trials"
        yield text_table(*_picks(found))
        yield _flattery(found)
        yield text_table(*_foresight(found))


def _page(found: Found, drawn: list[str]) -> Iterator[str]:
    results, facts = found.results, found.selection
    yield f"# {results.study['question']}"
    yield f"{found.provenance}."
    if found.unfinished:
        yield f"**{found.unfinished}**"
    if facts["warning"]:
        yield f"**{facts['warning']}**"
    yield "## The winner"
    yield f"{facts['winner']['name']}, of {effort(found)}." + (
        " It is the paper's setting: nothing that was found is better."
        if facts["winner"]["is_paper"]
        else ""
    )
    yield markdown_table(*_settings(found))
    means = confirmed_means(found)
    if means:
        yield "\n".join(f"- test FAA % of {role}: {mean}" for role, mean in means.items())
    if "confirm" in drawn:
        yield _picture("confirm")
    yield "In this folder: learn it as it was confirmed, or repeat its trial of the search."
    yield (
        "```sh\ncharon run --config winner.json --output winner\n"
        f"{facts['winner']['command']} --output trial\n```"
    )
    yield "## How it was selected"
    yield methods(found)
    if len(found.objectives) > 1:
        yield "## Pareto front"
        yield markdown_table(*_front(found))
        yield _picture("pareto_front")
    yield "## The trials"
    yield from (_picture(name) for name in drawn if name not in ("confirm", "pareto_front", "gap"))
    yield "The same, interactive: the pages in `plots/`, drawn by Optuna."
    if found.gap is not None:
        yield from _gap_section(found)


def _gap_section(found: Found) -> Iterator[str]:
    yield "## The protocol gap"
    picked_by_test = bool(found.selection["warning"])
    when = "Before the winner was picked" if picked_by_test else "After the winner was written down"
    yield (
        f"{when}, the finished trials' saved models were scored on the test set. Here the same "
        "trials are ranked again under other rules, by FAA in percent. The models have not learned "
        "from the validation clips; the confirmed ones have. Trials stopped early are not among "
        "them."
    )
    yield markdown_table(*_picks(found))
    yield _flattery(found)
    yield (
        "Spearman's rho between the validation accuracy after some tasks and the final FAA says "
        "whether stopping trials there makes sense:"
    )
    yield markdown_table(*_foresight(found))
    yield _picture("gap")


def _picture(name: str) -> str:
    return f"![{PICTURES[name][0]}]({name}.png)"


def _settings(found: Found) -> Table:
    """Return the searched fields of the winner beside the paper's."""
    winner, paper = found.selection["winner"]["fields"], found.selection["paper"]
    rows = [[title(n), value_text(winner[n]), value_text(paper[n])] for n in found.fields]
    return ["field", "winner", "paper's setting"], rows


def _front(found: Found) -> Table:
    names = found.objectives
    header = ["trial", *(metric_title(name) for name in names)]
    rows = [
        [one["name"], *(f"{in_units(n, v):.1f}" for n, v in zip(names, one["values"], strict=True))]
        for one in found.selection["front"]
    ]
    return header, rows


def _picks(found: Found) -> Table:
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


def _flattery(found: Found) -> str:
    assert found.gap is not None
    by_rule = {pick["rule"]: pick["test"] for pick in found.gap["picks"]}
    text = (
        f"Picking on the test set would have reported {by_rule['test']:.1f} % instead of "
        f"{by_rule['validation']:.1f} %: {found.gap['flattery']:.1f} points of flattery, among "
        f"{len(found.ranks)} finished trials."
    )
    means = confirmed_means(found)
    if "the winner" in means:
        text += f" Confirmed on fresh seeds, the winner has {means['the winner']}."
    return text


def _foresight(found: Found) -> Table:
    assert found.gap is not None
    header = ["validation accuracy after task", "rho with val FAA", "rho with test FAA", "n"]
    rows = [
        [str(f["task"]), _rho(f["rho_val"]), _rho(f["rho_test"]), str(f["n"])]
        for f in found.gap["foresight"]
    ]
    return header, rows


def _rho(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
