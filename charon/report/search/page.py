"""The page of a search: README.md with tables and pictures, and the short text for the console."""

from collections.abc import Callable, Collection, Iterator

from matplotlib.figure import Figure

from charon.files import write_text
from charon.report.cases import cases_of
from charon.report.results import Results
from charon.report.search.methods import comparison, effort, methods, numbering
from charon.report.search.results import (
    BUFFER_SIZE,
    ENOUGH_FOR_GAP,
    ENOUGH_FOR_IMPORTANCE,
    INTERVAL,
    Gap,
    Search,
    read_search,
)
from charon.report.search.tables import (
    foresight_table,
    front_table,
    importance_table,
    picks_table,
    settings_table,
    trials_table,
)
from charon.report.search.worth import draw_confirmed, draw_front, draw_gap
from charon.report.style import styled
from charon.report.summary import metrics_of
from charon.report.tables import case_table, markdown_table, text_table

PICTURES: dict[str, tuple[str, Callable[[Search], Figure | None]]] = {
    "confirm": ("The winner and the paper's setting, confirmed", draw_confirmed),
    "pareto_front": ("The Pareto front", draw_front),
    "gap": ("The protocol gap", draw_gap),
}
"""By file name: what a picture shows, and how it is drawn; None where there is nothing to draw."""

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
        text = "The search is not over, so no trial is selected yet; go on with --resume."
        if results.finished.empty:
            return text
        table = case_table(cases_of(results), metrics_of(results))
        return f"{text}\n{text_table(*table)}"
    write_text(results.folder / "README.md", page_text(search, draw_pictures(search)))
    return console_text(search)


def draw_pictures(search: Search) -> list[str]:
    """Draw the pictures there is something for; return their names."""
    drawn = []
    with styled():
        for name, (_, draw) in PICTURES.items():
            path = search.results.folder / f"{name}.png"
            figure = draw(search)
            if figure is None:
                path.unlink(missing_ok=True)
            else:
                figure.savefig(path)
                drawn.append(name)
    return drawn


def console_text(search: Search) -> str:
    """Return the short text for the console."""
    return "\n".join(_console(search))


def _console(search: Search) -> Iterator[str]:
    selection, confirmation, gap = search.selection, search.confirmation, search.gap
    if search.unfinished:
        yield search.unfinished
    yield f"{effort(search)}; the winner: {selection.winner.name}"
    if selection.warning:
        yield selection.warning
    yield text_table(*settings_table(search))
    if len(selection.objectives) > 1:
        yield "\nPareto front"
        yield text_table(*front_table(search))
    if confirmation is not None:
        for role, mean in confirmation.means.items():
            yield f"Confirmed {_test_faa(search)} of {role}: {mean}"
        yield from comparison(confirmation)
    if gap is not None and gap.is_comparable:
        yield "\nWho would have won under other rules, among the same finished trials"
        yield text_table(*picks_table(gap))
        yield _flattery(search, gap)
        yield text_table(*foresight_table(gap))
    elif gap is not None:
        yield _too_few(gap)


def page_text(search: Search, pictures: Collection[str] = ()) -> str:
    """Return the page as Markdown.

    Args:
        search: to describe.
        pictures: names of those that lie beside the page.
    """
    sections = [_head, _winner, _selection, _trials, _gap]
    paragraphs = (text for section in sections for text in section(search, pictures))
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def _head(search: Search, pictures: Collection[str]) -> Iterator[str]:
    yield f"# {search.results.study.question}"
    yield f"{search.provenance}."
    for warning in filter(None, (search.unfinished, search.selection.warning)):
        yield f"**{warning}**"


def _winner(search: Search, pictures: Collection[str]) -> Iterator[str]:
    winner = search.selection.winner
    yield "## The winner"
    paper = " It is the paper's setting: nothing better was found." if winner.is_paper else ""
    yield f"{winner.name}, of {effort(search)}.{paper}"
    yield markdown_table(*settings_table(search))
    yield _memory_sentence(search)
    if search.confirmation is not None:
        means = search.confirmation.means.items()
        yield "\n".join(f"- {_test_faa(search)} of {role}: {mean}" for role, mean in means)
        yield from comparison(search.confirmation)
    yield _picture("confirm", pictures)
    yield (
        "In this folder: learn it as it was confirmed, or repeat its trial of the search, with as "
        "many threads as trials had. Another number of threads, or another processor, rounds "
        "otherwise, so curves and accuracies may differ."
    )
    yield (f"```sh\n{winner.confirm_command} --output winner\n{winner.command} --output trial\n```")


def _selection(search: Search, pictures: Collection[str]) -> Iterator[str]:
    yield "## How it was selected"
    yield methods(search)
    if len(search.selection.objectives) > 1:
        yield "## Pareto front"
        yield markdown_table(*front_table(search))
        yield _picture("pareto_front", pictures)


def _trials(search: Search, pictures: Collection[str]) -> Iterator[str]:
    yield "## The trials"
    yield numbering(search)
    yield from _plots(search)
    yield from _importance(search)
    header, rows = trials_table(search)
    yield f"<details>\n<summary>All {len(rows)} trials, the best first</summary>"
    yield markdown_table(header, rows)
    yield "</details>"
    yield "`trials.csv` has them with every field and metric, and the reason where one failed."
    yield (
        "In this folder, `optuna-dashboard sqlite:///optuna.db` opens the search in Optuna's "
        f"dashboard (`pip install optuna-dashboard`).{_dashboard_values(search)}"
    )


def _plots(search: Search) -> Iterator[str]:
    """Link Optuna's pages, those of an objective together."""
    pages = sorted((search.results.folder / "plots").glob("*.html"))
    lines = []
    for name, shown in PLOTS.items():
        links = [
            f"[{page.stem.replace('_', ' ')}](plots/{page.name})"
            for page in pages
            if page.stem.startswith(name)
        ]
        if links:
            lines.append(f"- {', '.join(links)}: {shown}")
    if lines:
        yield "Interactive pages, drawn by Optuna in the units of the objectives:"
        yield "\n".join(lines)


def _importance(search: Search) -> Iterator[str]:
    if search.importance.empty:
        yield (
            f"Which fields mattered is not estimated from fewer than {ENOUGH_FOR_IMPORTANCE} "
            f"finished trials, and here {len(search.results.finished)} have finished."
        )
        return
    number, evaluator = search.importance["n"].iloc[0], search.importance["evaluator"].iloc[0]
    yield f"Which fields mattered ({evaluator}):"
    yield markdown_table(*importance_table(search))
    yield (
        f"This rests on {number} finished trials; from few it is a rough hint, which more of them "
        "may turn round."
    )


def _dashboard_values(search: Search) -> str:
    if not search.selection.scored:
        return " Its values are the objectives. It calls refused suggestions pruned."
    return (
        " Its values are scores, (t - 1 + accuracy after task t) / number of tasks with the "
        "accuracy from 0 to 1, so that no trial stopped early is above a finished one; a finished "
        f"trial's {search.selection.objectives[0]} is among its attributes. It calls refused "
        "suggestions pruned."
    )


def _gap(search: Search, pictures: Collection[str]) -> Iterator[str]:
    gap = search.gap
    if gap is None:
        return
    yield "## The protocol gap"
    when = "Before the winner was picked"
    if not search.selection.warning:
        when = "After the winner was written down"
    scored = (
        f"{when}, the finished trials' saved models were scored on the test set of "
        f"{search.results.study.protocol}."
    )
    if not gap.is_comparable:
        yield f"{scored} {_too_few(gap)}"
        return
    yield (
        f"{scored} Here the same trials are ranked again under other rules, by FAA in percent. The "
        "models have not learned from the validation clips; the confirmed ones have. Trials "
        "stopped early are not among them."
    )
    yield markdown_table(*picks_table(gap))
    yield _flattery(search, gap)
    dash = any(None in (after.rho_val, after.rho_test) for after in gap.foresight)
    yield (
        "Spearman's rho between the validation accuracy after some tasks and the final FAA says "
        "whether stopping trials there makes sense"
        f"{' (–: all trials are equal there)' if dash else ''}:"
    )
    yield markdown_table(*foresight_table(gap))
    yield _picture("gap", pictures)


def _too_few(gap: Gap) -> str:
    return (
        f"Rules of selection are compared among {ENOUGH_FOR_GAP} finished trials or more; here "
        f"{len(gap.ranks)} can be, whose accuracies are in gap.csv."
    )


def _test_faa(search: Search) -> str:
    """Return what the confirm stage measured, with its protocol where that is another."""
    return f"test FAA %{f' on {search.other_test}' if search.other_test else ''}"


def _picture(name: str, pictures: Collection[str]) -> str:
    return f"![{PICTURES[name][0]}]({name}.png)" if name in pictures else ""


def _memory_sentence(search: Search) -> str:
    """Say why the memory has more clips than its size, where it has."""
    winner = search.winning_trial
    if not {BUFFER_SIZE, INTERVAL} <= set(winner.index) or winner[INTERVAL] <= 1:
        return ""
    return (
        "M counts clips of all frames. A memory that keeps every s-th frame holds s times as many "
        f"clips in the bytes of M, so `winner.json`, with M = {winner[BUFFER_SIZE]:.0f} and s = "
        f"{winner[INTERVAL]:.0f}, remembers {winner['memory/clips']:.0f} clips."
    )


def _flattery(search: Search, gap: Gap) -> str:
    picks = {pick.rule: pick for pick in gap.picks}
    tested, validated = picks["test"], picks["validation"]
    among = f"among {len(gap.ranks)} finished trials."
    if tested.trial_id == validated.trial_id:
        text = f"The test set picks the trial that validation picks: no flattery, {among}"
    else:
        text = (
            f"Picking on the test set would have reported {tested.test:.1f} % instead of "
            f"{validated.test:.1f} %: {gap.flattery:.1f} points of flattery, {among}"
        )
    mean = search.confirmation.means.get("the winner") if search.confirmation else None
    if mean is None or search.other_test:
        return text
    return f"{text} Confirmed on fresh seeds, the winner has {mean}."
