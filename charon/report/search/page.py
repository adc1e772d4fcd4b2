"""The page of a search: README.md with tables and pictures, and the short text for the console."""

import itertools
from collections.abc import Iterator

from charon.files import write_text
from charon.report.cases import cases_of
from charon.report.results import Results
from charon.report.search import tables
from charon.report.search.methods import comparison, effort, methods, numbering, thinned
from charon.report.search.results import ENOUGH_FOR_IMPORTANCE, WINNER, Gap, Search, read_search
from charon.report.search.worth import PICTURES
from charon.report.style import styled
from charon.report.summary import metrics_of
from charon.report.tables import case_table, markdown_table, text_table

PLOTS = {
    "history": "the objective of every trial, in order, and the best so far",
    "slice": "the objective against each field",
    "parallel_coordinates": "every setting as a line through its fields",
    "importance": "the share of each field",
    "pareto_front": "the objectives against each other",
    "timeline": "when each trial ran; an interrupted one is a single bar until its end",
}
"""What Optuna's pages show, by the beginning of their file names."""


def describe(results: Results) -> str:
    """Draw the pictures, write the page and return the text for the console."""
    search = read_search(results)
    if search is None:
        problem = "The search is not over, so no trial is selected yet; go on with --resume."
        if results.finished.empty:
            return problem
        return f"{problem}\n{text_table(*case_table(cases_of(results), metrics_of(results)))}"
    with styled():
        for name, draw in PICTURES.items():
            path = results.folder / f"{name}.png"
            path.unlink(missing_ok=True)
            if figure := draw(search):
                figure.savefig(path)
    write_text(results.folder / "README.md", page_text(search))
    return console_text(search)


def console_text(search: Search) -> str:
    """Return the short text for the console."""
    selection, gap = search.selection, search.gap
    lines = [
        search.unfinished,
        f"{effort(search)}; the winner: {selection.winner.name}",
        selection.warning,
        text_table(*tables.settings_table(search)),
    ]
    if len(selection.objectives) > 1:
        lines += ["\nPareto front", text_table(*tables.front_table(search))]
    lines += [f"Confirmed {line}" for line in _accuracies(search)]
    lines.append(comparison(search))
    if gap is not None and not gap.too_few:
        lines += [
            "\nWho would have won under other rules, among the same finished trials",
            text_table(*tables.picks_table(gap)),
            _flattery(search, gap),
            text_table(*tables.foresight_table(gap)),
        ]
    elif gap is not None:
        lines.append(gap.too_few)
    return "\n".join(filter(None, lines))


def page_text(search: Search) -> str:
    """Return the page as Markdown, with the pictures that lie in the search's folder."""
    sections = (_winner(search), _trials(search), _gap(search))
    return "\n\n".join(filter(None, itertools.chain(*sections))) + "\n"


def _winner(search: Search) -> Iterator[str]:
    winner = search.selection.winner
    yield f"# {search.results.study.question}"
    yield f"{search.provenance}."
    for warning in filter(None, (search.unfinished, search.selection.warning)):
        yield f"**{warning}**"
    yield "## The winner"
    paper = " It is the paper's setting: nothing better was found." if winner.is_paper else ""
    yield f"{winner.name}, of {effort(search)}.{paper}"
    yield markdown_table(*tables.settings_table(search))
    yield thinned(search)
    yield "\n".join(f"- {line}" for line in _accuracies(search))
    yield comparison(search)
    yield _picture(search, "confirm", "The winner and the paper's setting, confirmed")
    yield (
        "In this folder: learn it as it was confirmed, or repeat its trial of the search, with as "
        "many threads as trials had. Another number of threads, or another processor, rounds "
        "otherwise, so curves and accuracies may differ."
    )
    yield f"```sh\n{winner.confirm_command} --output winner\n{winner.command} --output trial\n```"
    yield "## How it was selected"
    yield methods(search)
    if len(search.selection.objectives) > 1:
        yield "## Pareto front"
        yield markdown_table(*tables.front_table(search))
        yield _picture(search, "pareto_front", "The Pareto front")


def _trials(search: Search) -> Iterator[str]:
    yield "## The trials"
    yield numbering(search)
    pages = sorted((search.results.folder / "plots").glob("*.html"))
    if pages:
        yield "Interactive pages, drawn by Optuna in the units of the objectives:"
    links = {page.stem: f"[{page.stem.replace('_', ' ')}](plots/{page.name})" for page in pages}
    plots = {name: [links[stem] for stem in links if stem.startswith(name)] for name in PLOTS}
    yield "\n".join(f"- {', '.join(plots[name])}: {PLOTS[name]}" for name in PLOTS if plots[name])
    if search.importance.empty:
        yield (
            f"Which fields mattered is not estimated from fewer than {ENOUGH_FOR_IMPORTANCE} "
            f"finished trials, and here {len(search.results.finished)} have finished."
        )
    else:
        yield f"Which fields mattered ({search.importance['evaluator'].iloc[0]}):"
        yield markdown_table(*tables.importance_table(search))
        yield (
            f"This rests on {search.importance['n'].iloc[0]} finished trials; from few it is a "
            "rough hint, which more of them may turn round."
        )
    header, rows = tables.trials_table(search)
    yield f"<details>\n<summary>All {len(rows)} trials, the best first</summary>"
    yield markdown_table(header, rows)
    yield "</details>"
    values = "the objectives."
    if search.selection.scored:
        values = (
            "scores, (t - 1 + accuracy after task t) / number of tasks with the accuracy from 0 to "
            "1, so that no trial stopped early is above a finished one; a finished trial's "
            f"{search.selection.objectives[0]} is among its attributes."
        )
    yield (
        "`trials.csv` has them with every field and metric, and the reason where one failed. In "
        "this folder, `optuna-dashboard sqlite:///optuna.db` opens the search in Optuna's "
        f"dashboard (`pip install optuna-dashboard`). Its values are {values} It calls refused "
        "suggestions pruned."
    )


def _gap(search: Search) -> Iterator[str]:
    gap = search.gap
    if gap is None:
        return
    yield "## The protocol gap"
    when = "Before" if search.selection.warning else "After"
    scored = (
        f"{when} the winner was picked, the finished trials' saved models were scored on the test "
        f"set of {search.results.study.protocol}."
    )
    if gap.too_few:
        yield f"{scored} {gap.too_few}"
        return
    yield (
        f"{scored} Here the same trials are ranked again under other rules, by FAA in percent. The "
        "models have not learned from the validation clips; the confirmed ones have. Trials "
        "stopped early are not among them."
    )
    yield markdown_table(*tables.picks_table(gap))
    yield _flattery(search, gap)
    yield (
        "Spearman's rho between the validation accuracy after some tasks and the final FAA says "
        "whether stopping trials there makes sense (– where all are equal):"
    )
    yield markdown_table(*tables.foresight_table(gap))
    yield _picture(search, "gap", "The protocol gap")


def _accuracies(search: Search) -> list[str]:
    """Return what the confirm stage measured, with its protocol where that is another."""
    confirmation = search.confirmation
    if confirmation is None:
        return []
    on = f" on {confirmation.protocol}" if confirmation.is_other_test else ""
    return [f"test FAA %{on} of {name}: {mean}" for name, mean in confirmation.means.items()]


def _picture(search: Search, name: str, title: str) -> str:
    return f"![{title}]({name}.png)" if (search.results.folder / f"{name}.png").exists() else ""


def _flattery(search: Search, gap: Gap) -> str:
    picks = {pick.rule: pick for pick in gap.picks}
    tested, validated = picks["test"], picks["validation"]
    text = (
        f"Picking on the test set would have reported {tested.test:.1f} % instead of "
        f"{validated.test:.1f} %: {gap.flattery:.1f} points of flattery"
    )
    if tested.trial_id == validated.trial_id:
        text = "The test set picks the trial that validation picks: no flattery"
    text += f", among {len(gap.ranks)} finished trials."
    confirmation = search.confirmation
    if confirmation is None or confirmation.is_other_test or WINNER not in confirmation.means:
        return text
    return f"{text} Confirmed on fresh seeds, the winner has {confirmation.means[WINNER]}."
