"""The page of a search: README.md with tables and pictures, and the short text for the console."""

from collections.abc import Callable, Iterator

from matplotlib.figure import Figure

from charon.files import write_text
from charon.report.generic import generic_table
from charon.report.search.methods import comparison, confirmed_means, effort, methods, numbering
from charon.report.search.results import (
    BUFFER_SIZE,
    ENOUGH_FOR_GAP,
    ENOUGH_FOR_IMPORTANCE,
    INTERVAL,
    Found,
    read_found,
)
from charon.report.search.tables import (
    foresight_table,
    front_table,
    picks_table,
    settings_table,
    trials_table,
    unknown_note,
)
from charon.report.search.timeline import draw_timeline, went_on
from charon.report.search.trials import (
    draw_history,
    draw_importance,
    draw_parallel,
    draw_slices,
)
from charon.report.search.worth import draw_confirmed, draw_front, draw_gap
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
    yield text_table(*settings_table(found))
    if len(found.objectives) > 1:
        yield "\nPareto front"
        yield text_table(*front_table(found))
    for role, mean in confirmed_means(found).items():
        yield f"Confirmed test FAA %{_where(found)} of {role}: {mean}"
    yield from comparison(found)
    if found.gap is not None and not found.can_compare:
        yield _too_few(found)
    elif found.gap is not None:
        yield "\nWho would have won under other rules, among the same finished trials"
        yield text_table(*picks_table(found))
        yield _flattery(found)
        yield text_table(*foresight_table(found))


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
    yield markdown_table(*settings_table(found))
    yield from _memory_sentence(found)
    means = confirmed_means(found)
    if means:
        yield "\n".join(
            f"- test FAA %{_where(found)} of {role}: {mean}" for role, mean in means.items()
        )
        yield from comparison(found)
    if "confirm" in drawn:
        yield _picture("confirm")
    yield (
        "In this folder: learn it as it was confirmed, or repeat its trial of the search, with as "
        "many threads as trials had. Another number of threads, or another processor, rounds "
        "otherwise, so curves and accuracies may differ."
    )
    # A search that an older version ended has no such command.
    confirm = facts["winner"].get("confirm_command", "charon run --config winner.json")
    yield (f"```sh\n{confirm} --output winner\n{facts['winner']['command']} --output trial\n```")
    yield "## How it was selected"
    yield methods(found)
    if len(found.objectives) > 1:
        yield "## Pareto front"
        yield markdown_table(*front_table(found))
        yield _picture("pareto_front")
    yield "## The trials"
    yield numbering(found)
    for name in drawn:
        if name not in ("confirm", "pareto_front", "gap"):
            yield _picture(name)
        if name == "importance":
            yield (
                f"Which fields mattered rests on {found.importance['n'].iloc[0]} finished trials; "
                "from few it is a rough hint, which some more may turn round."
            )
    if "importance" not in drawn:
        yield (
            f"Which fields mattered is not estimated from fewer than {ENOUGH_FOR_IMPORTANCE} "
            f"finished trials, and here {len(found.finished)} have finished."
        )
    yield from _all_trials(found)
    pages = sorted((results.folder / "plots").glob("*.html"))
    links = ", ".join(f"[{page.stem.replace('_', ' ')}](plots/{page.name})" for page in pages)
    if pages:
        yield f"The same, interactive, drawn by Optuna: {links}.{_one_bar(found)}"
    yield (
        "In this folder, `optuna-dashboard sqlite:///optuna.db` opens the search in Optuna's "
        f"dashboard (`pip install optuna-dashboard`).{_scores(found)}"
    )
    if found.gap is not None:
        yield from _gap_section(found)


def _all_trials(found: Found) -> Iterator[str]:
    """Return the table of all trials, folded up where Markdown is shown as a page."""
    header, rows = trials_table(found)
    yield f"<details>\n<summary>All {len(rows)} trials, the best first</summary>"
    yield markdown_table(header, rows)
    yield "</details>"
    yield "`trials.csv` has them with every field and metric, and the reason where one failed."


def _one_bar(found: Found) -> str:
    """Say how Optuna's timeline differs, where it does."""
    if not went_on(found):
        return ""
    return (
        " Its timeline draws a trial that was interrupted and went on as one bar, from its first "
        "start to its end."
    )


def _gap_section(found: Found) -> Iterator[str]:
    yield "## The protocol gap"
    picked_by_test = bool(found.selection["warning"])
    when = "Before the winner was picked" if picked_by_test else "After the winner was written down"
    scored = (
        f"{when}, the finished trials' saved models were scored on the test set of "
        f"{found.results.study['protocol']}."
    )
    if not found.can_compare:
        yield f"{scored} {_too_few(found)}"
        return
    yield (
        f"{scored} Here the same trials are ranked again under other rules, by FAA in percent. The "
        "models have not learned from the validation clips; the confirmed ones have. Trials "
        "stopped early are not among them."
    )
    yield markdown_table(*picks_table(found))
    yield _flattery(found)
    yield (
        "Spearman's rho between the validation accuracy after some tasks and the final FAA says "
        f"whether stopping trials there makes sense{unknown_note(found)}:"
    )
    yield markdown_table(*foresight_table(found))
    yield _picture("gap")


def _too_few(found: Found) -> str:
    return (
        f"Rules of selection are compared among {ENOUGH_FOR_GAP} finished trials or more; here "
        f"{len(found.ranks)} can be, whose accuracies are in gap.csv."
    )


def _where(found: Found) -> str:
    """Return where the confirm stage was tested, where that is not the search's protocol."""
    return f" on {found.confirm['protocol']}" if found.confirm and found.has_other_test else ""


def _picture(name: str) -> str:
    return f"![{PICTURES[name][0]}]({name}.png)"


def _scores(found: Found) -> str:
    if not found.selection["scored"]:
        return " Its values are the objectives. It calls refused suggestions pruned."
    return (
        " Its values are scores, (t - 1 + accuracy after task t) / number of tasks with the "
        "accuracy from 0 to 1, so that no trial stopped early is above a finished one; a finished "
        f"trial's {found.objectives[0]} is among its attributes. It calls refused "
        "suggestions pruned."
    )


def _memory_sentence(found: Found) -> Iterator[str]:
    """Say why the memory has more clips than its size, where it has."""
    winner = found.winning_trial
    if {BUFFER_SIZE, INTERVAL} <= set(winner.index) and winner[INTERVAL] > 1:
        yield (
            "M counts clips of all frames. A memory that keeps every s-th frame holds s times as "
            "many clips in the bytes of M, so `winner.json`, with M = "
            f"{winner[BUFFER_SIZE]:.0f} and s = {winner[INTERVAL]:.0f}, remembers "
            f"{winner['memory/clips']:.0f} clips."
        )


def _flattery(found: Found) -> str:
    assert found.gap is not None
    picks = {pick["rule"]: pick for pick in found.gap["picks"]}
    tested, validated = picks["test"], picks["validation"]
    among = f"among {len(found.ranks)} finished trials."
    if tested["trial_id"] == validated["trial_id"]:
        text = f"The test set picks the trial that validation picks: no flattery, {among}"
    else:
        text = (
            f"Picking on the test set would have reported {tested['test']:.1f} % instead of "
            f"{validated['test']:.1f} %: {found.gap['flattery']:.1f} points of flattery, {among}"
        )
    means = confirmed_means(found)
    if "the winner" in means and not found.has_other_test:
        text += f" Confirmed on fresh seeds, the winner has {means['the winner']}."
    return text
