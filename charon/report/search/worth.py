"""Pictures of what a winner is worth: the Pareto front, the confirmation, the protocol gap."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from charon.report.names import in_units, metric_title
from charon.report.search.results import Foresight, Gap, Search
from charon.report.statistics import mean_of
from charon.report.style import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE, QUIET, new_figure, note

RULE_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
ROLES = {"winner": "the winner", "paper": "the paper's setting"}
RING: dict[str, Any] = {"s": 130, "edgecolors": ORANGE, "linewidths": 1.8}
DIAMOND: dict[str, Any] = {"s": 80, "marker": "D", "edgecolors": GREEN, "linewidths": 1.5}


def draw_front(search: Search) -> Figure | None:
    """Draw the finished trials in the objectives; None where there is a single objective.

    Each further objective has a panel of its own against the first.
    """
    first, *others = search.selection.objectives
    if not others:
        return None
    figure, panels = new_figure(max(6.2, 4.4 * len(others)), 3.8, columns=len(others))
    for axes, other in zip(panels, others, strict=True):
        _draw_objectives(axes, search, other, first)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    note(figure, search.provenance)
    return figure


def _draw_objectives(axes: Axes, search: Search, across: str, up: str) -> None:
    selection, done = search.selection, search.results.finished
    x, y = in_units(across, done[across]), in_units(up, done[up])
    on_front = done["trial_id"].isin([trial.trial_id for trial in selection.front])
    axes.scatter(x[~on_front], y[~on_front], s=26, color=FAINT, label="other finished trials")
    axes.scatter(x[on_front], y[on_front], s=40, color=BLUE, label="Pareto front", zorder=3)
    if len(selection.objectives) == 2:
        # Nothing lies between two trials: the steps are what one or the other attains.
        order = x[on_front].argsort()
        axes.step(
            x[on_front].iloc[order],
            y[on_front].iloc[order],
            where="post" if selection.directions[1] == "minimize" else "pre",
            color=BLUE,
            linewidth=1,
            zorder=2,
        )
    for name, trial_id, look in (
        ("the winner", selection.winner.trial_id, RING),
        ("the paper's setting", selection.paper_id, DIAMOND),
    ):
        its = done["trial_id"] == trial_id
        if its.any():
            axes.scatter(x[its], y[its], facecolors="none", zorder=4, label=name, **look)
    for number, *at in zip(done["number"][on_front], x[on_front], y[on_front], strict=True):
        axes.annotate(
            f"#{number}", (at[0], at[1]), (6, -11), textcoords="offset points", fontsize=8
        )
    axes.set_xlabel(metric_title(across))
    axes.set_ylabel(metric_title(up))
    axes.margins(0.1)


def draw_confirmed(search: Search) -> Figure | None:
    """Draw the confirmed accuracies with their intervals; None where nothing was confirmed."""
    confirmation = search.confirmation
    if confirmation is None or confirmation.runs.empty:
        return None
    figure, (axes,) = new_figure(7.0, 2.4)
    runs, has_interval, names = confirmation.runs, False, []
    for row, (role, name) in enumerate(ROLES.items()):
        faas = runs.loc[runs["role"] == role, "test/faa"]
        if faas.empty:
            continue
        colour = ORANGE if role == "winner" else GREEN
        mean = mean_of(list(faas))
        if mean.n > 1:
            has_interval = True
            axes.errorbar(
                mean.mean, row, xerr=mean.half, color=colour, capsize=5, linewidth=2, zorder=2
            )
        axes.scatter(mean.mean, row, s=52, color=colour, zorder=3)
        axes.scatter(faas, [row] * len(faas), s=16, color=INK, alpha=0.55, linewidths=0, zorder=4)
        names.append((row, f"{name}\n{mean.mean:.1f} % (n = {mean.n})"))
    axes.set_yticks([row for row, _ in names], [text for _, text in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("test FAA, percent")
    axes.set_title("Learned anew on all training clips, with fresh seeds")
    dots = "a single seed each, so no interval"
    if has_interval:
        dots = "large: mean with its 95 % interval (Student's t); small: single seeds"
    measured = search.results.study.measured_on(len(runs), confirmation.protocol)
    note(figure, f"{measured}{search.flattered}\n{dots}")
    return figure


def draw_gap(search: Search) -> Figure | None:
    """Draw validation against test, and how early the order is known.

    None where the trials were not tested, or are too few to compare.
    """
    gap = search.gap
    if gap is None or not gap.is_comparable:
        return None
    figure, (left, right) = new_figure(9.4, 4.0, columns=2)
    _draw_picks(left, gap)
    _draw_foresight(right, gap.foresight)
    compared = f"{len(gap.ranks)} trials compared, none that was stopped early"
    note(figure, f"{search.provenance}\n{compared}")
    return figure


def _draw_picks(axes: Axes, gap: Gap) -> None:
    axes.scatter(gap.ranks["val"], gap.ranks["test"], s=24, color=FAINT)
    handles = []
    for number, (pick, colour) in enumerate(zip(gap.picks, RULE_COLOURS, strict=False)):
        size = 70 + 90 * (len(gap.picks) - number)  # rings about the same trial stay visible
        look: dict[str, Any] = {"s": size, "facecolors": "none", "edgecolors": colour}
        axes.scatter(pick.val, pick.test, linewidths=2, **look)
        ring: dict[str, Any] = {"marker": "o", "markersize": 9, "markerfacecolor": "none"}
        line = Line2D([], [], color=colour, linestyle="", label=pick.rule_name, **ring)
        line.set_markeredgewidth(2)
        handles.append(line)
    axes.set_xlabel("validation FAA, percent")
    axes.set_ylabel("test FAA, percent")
    axes.set_title("Who would win, by rule")
    axes.margins(0.12)
    axes.legend(handles=handles, loc="best", fontsize=8)


def _draw_foresight(axes: Axes, foresight: list[Foresight]) -> None:
    known = pd.DataFrame(foresight).dropna()
    axes.set_title("How early is the final order known?")
    axes.set_xlabel("tasks seen")
    axes.set_ylabel("Spearman's rho with the final FAA")
    axes.axhline(0, color=FAINT, linewidth=1)
    axes.set_xticks([after.task for after in foresight])
    if known.empty:
        middle: dict[str, Any] = {"xycoords": "axes fraction", "ha": "center", "color": QUIET}
        axes.annotate("all trials are equal", (0.5, 0.6), **middle)
        return
    axes.plot(known["task"], known["rho_val"], color=BLUE, marker="o", label="on validation")
    axes.plot(known["task"], known["rho_test"], color=ORANGE, marker="o", label="on the test set")
    lowest = min(known["rho_val"].min(), known["rho_test"].min())
    axes.set_ylim(min(0, lowest) - 0.06, 1.06)
    axes.legend(loc="best", fontsize=8)
