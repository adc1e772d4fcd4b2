"""Pictures of what a winner is worth: the Pareto front, the confirmation, the protocol gap."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charon.report.names import in_units, metric_title
from charon.report.search.results import WINNER, Search
from charon.report.style import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE, QUIET, new_figure, note


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
        # Nothing lies between two trials: from the best x on, the steps are what one attains.
        steps = x[on_front].sort_values(ascending=selection.directions[1] == "minimize")
        axes.step(steps, y[steps.index], where="post", color=BLUE, linewidth=1, zorder=2)
    ring: dict[str, Any] = {"s": 130, "edgecolors": ORANGE, "linewidths": 1.8}
    diamond: dict[str, Any] = {"s": 80, "marker": "D", "edgecolors": GREEN, "linewidths": 1.5}
    for (name, trial), look in zip(search.compared.items(), (ring, diamond), strict=True):
        its = done["trial_id"] == trial["trial_id"]
        if its.any():
            axes.scatter(x[its], y[its], facecolors="none", zorder=4, label=name, **look)
    below: dict[str, Any] = {"xytext": (6, -11), "textcoords": "offset points", "fontsize": 8}
    for number, *at in zip(done["number"][on_front], x[on_front], y[on_front], strict=True):
        axes.annotate(f"#{number}", tuple(at), **below)
    axes.set(xlabel=metric_title(across), ylabel=metric_title(up))
    axes.margins(0.1)


def draw_confirmed(search: Search) -> Figure | None:
    """Draw the confirmed accuracies with their intervals; None where nothing was confirmed."""
    confirmation = search.confirmation
    if confirmation is None or not confirmation.faas:
        return None
    figure, (axes,) = new_figure(7.0, 2.4)
    means, labels = confirmation.means, []
    for row, (name, mean) in enumerate(means.items()):
        faas, colour = confirmation.faas[name], ORANGE if name == WINNER else GREEN
        axes.errorbar(mean.mean, row, xerr=mean.half, color=colour, capsize=5, zorder=2)
        axes.scatter(mean.mean, row, s=52, color=colour, zorder=3)
        axes.scatter(faas, [row] * mean.n, s=16, color=INK, alpha=0.55, linewidths=0, zorder=4)
        labels.append(f"{name}\n{mean.mean:.1f} % (n = {mean.n})")
    axes.set_yticks(range(len(labels)), labels)
    axes.grid(visible=False, axis="y")
    axes.set(xlabel="test FAA, percent", ylim=(len(labels) - 0.4, -0.6))
    axes.set_title("Learned anew on all training clips, with fresh seeds")
    dots = "a single seed each, so no interval"
    if any(mean.n > 1 for mean in means.values()):
        dots = "large: mean with its 95 % interval (Student's t); small: single seeds"
    num_runs = sum(mean.n for mean in means.values())
    measured = search.results.measured_on(num_runs, confirmation.protocol)
    note(figure, f"{measured}{search.flattered}\n{dots}")
    return figure


def draw_gap(search: Search) -> Figure | None:
    """Draw validation against test, and how early the order is known.

    None where the trials were not tested, or are too few to compare.
    """
    gap = search.gap
    if gap is None or gap.too_few:
        return None
    figure, (left, right) = new_figure(9.4, 4.0, columns=2)
    left.scatter(gap.ranks["val"], gap.ranks["test"], s=24, color=FAINT)
    colours = (BLUE, ORANGE, GREEN, PURPLE)
    for number, (pick, colour) in enumerate(zip(gap.picks, colours, strict=False)):
        size = 70 + 90 * (len(gap.picks) - number)  # rings about the same trial stay visible
        look: dict[str, Any] = {"s": size, "facecolors": "none", "edgecolors": colour}
        left.scatter(pick.val, pick.test, linewidths=2, label=pick.rule_name, **look)
    left.set(xlabel="validation FAA, percent", ylabel="test FAA, percent")
    left.set_title("Who would win, by rule")
    left.margins(0.12)
    left.legend(loc="best", fontsize=8, markerscale=0.5)
    known = pd.DataFrame(gap.foresight)
    right.set_title("How early is the final order known?")
    right.set(xlabel="tasks seen", ylabel="Spearman's rho with the final FAA")
    right.axhline(0, color=FAINT, linewidth=1)
    right.set_xticks(known["task"])
    known = known.dropna()
    if known.empty:
        right.text(0.35, 0.6, "all trials are equal", color=QUIET, transform=right.transAxes)
    else:
        shown = (("rho_val", BLUE, "on validation"), ("rho_test", ORANGE, "on the test set"))
        for name, colour, label in shown:
            right.plot(known["task"], known[name], color=colour, marker="o", label=label)
        right.set_ylim(min(0, known["rho_val"].min(), known["rho_test"].min()) - 0.06, 1.06)
        right.legend(loc="best", fontsize=8)
    compared = f"{len(gap.ranks)} trials compared, none that was stopped early"
    note(figure, f"{search.provenance}\n{compared}")
    return figure


PICTURES = {"confirm": draw_confirmed, "pareto_front": draw_front, "gap": draw_gap}
"""By file name; each returns None where there is nothing to draw."""
