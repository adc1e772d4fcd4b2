"""Pictures of what a winner is worth: the Pareto front, the confirmation, the protocol gap."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from charon.report.search.marks import mark
from charon.report.search.results import Found, in_units, metric_title
from charon.report.statistics import mean_of
from charon.report.style import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE, QUIET, new_figure, note

COLOUR_OF_RULE = (BLUE, ORANGE, GREEN, PURPLE)
ROLES = {"winner": "the winner", "paper": "the paper's setting"}


def draw_front(found: Found) -> Figure | None:
    """Draw the finished trials in the first two objectives; None where there is one.

    Each further objective has a panel of its own against the first.
    """
    first, *others = found.objectives
    if not others:
        return None
    done = found.finished
    on_front = done["trial_id"].isin([one["trial_id"] for one in found.selection["front"]])
    figure, panels = new_figure(max(6.2, 4.4 * len(others)), 3.8, columns=len(others))
    for axes, other in zip(panels, others, strict=True):
        x, y = in_units(other, done[other]), in_units(first, done[first])
        axes.scatter(x[~on_front], y[~on_front], s=26, color=FAINT, label="other finished trials")
        axes.scatter(x[on_front], y[on_front], s=40, color=BLUE, label="Pareto front", zorder=3)
        if len(others) == 1:
            # Nothing lies between two trials: the steps are what one or the other attains.
            order = x[on_front].argsort()
            less_is_better = found.selection["directions"][1] == "minimize"
            axes.step(
                x[on_front].iloc[order],
                y[on_front].iloc[order],
                where="post" if less_is_better else "pre",
                color=BLUE,
                linewidth=1,
                zorder=2,
            )
        mark(axes, found, done, x, y)
        for number, across, up in zip(
            done["number"][on_front], x[on_front], y[on_front], strict=True
        ):
            axes.annotate(
                f"#{number}", (across, up), (6, -11), textcoords="offset points", fontsize=8
            )
        axes.set_xlabel(metric_title(other))
        axes.set_ylabel(metric_title(first))
        axes.margins(0.1)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    note(figure, found.provenance)
    return figure


def draw_confirmed(found: Found) -> Figure | None:
    """Draw the confirmed accuracies with their intervals; None where nothing was confirmed."""
    if found.confirmed.empty:
        return None
    figure, (axes,) = new_figure(7.0, 2.4)
    has_interval = False
    role = found.confirmed["role"]
    names = []
    for row, (key, name) in enumerate(ROLES.items()):
        faas = found.confirmed.loc[role == key, "test/faa"]
        if faas.empty:
            continue
        colour = ORANGE if key == "winner" else GREEN
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
    dots = (
        "large: mean with its 95 % interval (Student's t); small: single seeds"
        if has_interval
        else "a single seed each, so no interval"
    )
    note(figure, f"{found.confirmed_provenance}\n{dots}")
    return figure


def draw_gap(found: Found) -> Figure | None:
    """Draw validation against test, and how early the order is known.

    None where the trials were not tested, or are too few to compare.
    """
    if found.gap is None or not found.can_compare:
        return None
    figure, (left, right) = new_figure(9.4, 4.0, columns=2)
    _draw_picks(left, found.ranks, found.gap["picks"])
    _draw_foresight(right, found.gap["foresight"])
    note(
        figure,
        f"{found.provenance}\n{len(found.ranks)} trials compared, none that was stopped early",
    )
    return figure


def _draw_picks(axes: Axes, ranks: pd.DataFrame, picks: list[dict[str, Any]]) -> None:
    axes.scatter(ranks["val"], ranks["test"], s=24, color=FAINT)
    handles = []
    for number, (pick, colour) in enumerate(zip(picks, COLOUR_OF_RULE, strict=False)):
        axes.scatter(
            pick["val"],
            pick["test"],
            s=70 + 90 * (len(picks) - number),
            facecolors="none",
            edgecolors=colour,
            linewidths=2,
        )
        handles.append(_ring(colour, rule_name(pick)))
    axes.set_xlabel("validation FAA, percent")
    axes.set_ylabel("test FAA, percent")
    axes.set_title("Who would win, by rule")
    axes.margins(0.12)
    axes.legend(handles=handles, loc="best", fontsize=8)


def _ring(colour: str, label: str) -> Line2D:
    """Return what stands for a ring in a legend."""
    ring = Line2D([], [], color=colour, linestyle="", marker="o", markersize=9, label=label)
    ring.set_markerfacecolor("none")
    ring.set_markeredgewidth(2)
    return ring


def rule_name(pick: dict[str, Any]) -> str:
    """Return what a reader calls the rule of a pick."""
    if pick["rule"] == "first-tasks":
        return "first task" if pick["after"] == 1 else f"first {pick['after']} tasks"
    return {"validation": "validation", "test": "test set"}[str(pick["rule"])]


def _draw_foresight(axes: Axes, foresight: list[dict[str, float | None]]) -> None:
    known = pd.DataFrame(foresight).dropna()
    axes.set_title("How early is the final order known?")
    axes.set_xlabel("tasks seen")
    axes.set_ylabel("Spearman's rho with the final FAA")
    axes.axhline(0, color=FAINT, linewidth=1)
    axes.set_xticks([int(one["task"] or 0) for one in foresight])
    if known.empty:
        axes.annotate(
            "all trials are equal",
            (0.5, 0.6),
            xycoords="axes fraction",
            ha="center",
            color=QUIET,
        )
        return
    axes.plot(known["task"], known["rho_val"], color=BLUE, marker="o", label="on validation")
    axes.plot(known["task"], known["rho_test"], color=ORANGE, marker="o", label="on the test set")
    lowest = min(known["rho_val"].min(), known["rho_test"].min())
    axes.set_ylim(min(0, lowest) - 0.06, 1.06)
    axes.legend(loc="best", fontsize=8)
