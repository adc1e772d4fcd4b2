"""Pictures of a search's trials: history, parallel coordinates, slices, importance."""

import math
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from charon.report.search.marks import mark
from charon.report.search.results import (
    FINISHED,
    PRUNED,
    Found,
    in_units,
    metric_name,
    metric_title,
    title,
    value_text,
)
from charon.report.style import BLUE, FAINT, INK, ORANGE, QUIET, RED, new_figure, note

COLOUR_OF = {FINISHED: BLUE, PRUNED: FAINT}
"""Other outcomes are red."""

MOST_COLUMNS = 4

STEPS = (1, 2, 5)
"""First digits of the numbers on a logarithmic axis."""


def draw_history(found: Found) -> Figure:
    """Draw each finished trial's objective in the order of suggestion, and the best so far."""
    trials, metric = found.results.trials.sort_values("number"), found.objectives[0]
    last = max([*trials["number"], *found.refused])
    figure, (axes,) = new_figure(7.2, 3.6)
    done = trials[trials["status"] == FINISHED]
    values = in_units(metric, done[metric])
    axes.scatter(done["number"], values, s=34, color=BLUE, label="finished", zorder=3)
    best = values.cummax() if found.selection["directions"][0] == "maximize" else values.cummin()
    places, heights = [*done["number"], last], [*best, best.iloc[-1]]
    axes.step(places, heights, where="post", color=ORANGE, label="best so far", linewidth=1.5)
    others = trials[trials["status"] != FINISHED]
    foot = axes.get_xaxis_transform()
    for status, some in others.groupby("status"):
        axes.scatter(
            some["number"],
            [0.025] * len(some),
            marker="x",
            s=26,
            linewidths=1.3,
            color=COLOUR_OF.get(str(status), RED),
            transform=foot,
            label=outcome_name(str(status)),
        )
    if found.refused:
        axes.scatter(
            found.refused,
            [0.025] * len(found.refused),
            marker="_",
            s=26,
            linewidths=1.3,
            color=FAINT,
            transform=foot,
            label="refused, never run",
        )
    mark(axes, found, done, done["number"], values)
    start = found.paper_trial["number"]
    axes.set_xlabel(f"number of the trial, by order of suggestion (#{start}: the paper's setting)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(metric_title(metric))
    axes.margins(y=0.12)
    beside = max(0.8, 0.02 * last)
    axes.set_xlim(-beside, last + beside)
    figure.legend(loc="outside upper left", ncols=4)
    note(figure, found.provenance)
    return figure


def outcome_name(status: str) -> str:
    """Return what a reader calls how a trial ended."""
    return "stopped early" if status == PRUNED else status


def draw_slices(found: Found) -> Figure:
    """Draw the objective against every searched field, one panel each."""
    metric, done = found.objectives[0], found.finished
    rows = math.ceil(len(found.fields) / MOST_COLUMNS)
    columns = math.ceil(len(found.fields) / rows)
    figure, panels = new_figure(2.5 * columns + 0.6, 2.5 * rows + 0.5, columns=columns, rows=rows)
    values = in_units(metric, done[metric])
    for axes, field in zip(panels, found.fields, strict=False):
        place, ticks = positions(done[field], is_choice(found, field))
        axes.scatter(place, values, s=24, color=BLUE, alpha=0.75, linewidths=0)
        mark(axes, found, done, place, values)
        axes.margins(0.1)
        is_scaled = is_log(found, field) and not ticks
        axes.set_xlabel(f"{title(field)} (logarithmic)" if is_scaled else title(field))
        _scale(axes, found, field, ticks)
    for number, axes in enumerate(panels):
        axes.set_visible(number < len(found.fields))
        if number % columns == 0:
            axes.set_ylabel(metric_title(metric))
    note(figure, f"{found.provenance}\nring: the winner; diamond: the paper's setting")
    return figure


def is_choice(found: Found, field: str) -> bool:
    """Whether a field was searched among given values, without order between."""
    space: Any = found.results.study["space"]
    return str(space[field]).startswith("Choice")


def is_interval(found: Found, field: str) -> bool:
    """Whether a field was searched among the divisors of a clip's frames."""
    space: Any = found.results.study["space"]
    return str(space[field]).startswith("SamplingInterval")


def is_log(found: Found, field: str) -> bool:
    """Whether a field's logarithm was searched evenly."""
    space: Any = found.results.study["space"]
    return "log=True" in str(space[field])


def positions(values: pd.Series, choice: bool) -> tuple[np.ndarray, list[str]]:
    """Return where values stand on an axis; those of a choice stand evenly, with their names."""
    if not choice and pd.api.types.is_numeric_dtype(values) and values.dtype != bool:
        return values.to_numpy(float), []
    given = [None if pd.isna(value) else value for value in values]
    known = sorted(set(given), key=lambda v: (v is None, isinstance(v, str), v or 0))
    return np.array([known.index(v) for v in given], float), [value_text(v) for v in known]


def _scale(axes: Axes, found: Found, field: str, ticks: list[str]) -> None:
    if ticks:
        axes.set_xticks(range(len(ticks)), ticks)
    elif is_log(found, field):
        values = found.finished[field]
        marks = plain_ticks(float(values.min()), float(values.max()))
        axes.set_xscale("log")
        axes.set_xlim(0.85 * min(marks[0], values.min()), max(marks[-1], values.max()) / 0.85)
        axes.set_xticks(marks, [f"{mark:g}" for mark in marks])
        axes.minorticks_off()
    elif is_interval(found, field):
        axes.set_xticks(sorted(found.finished[field].unique()))
    elif pd.api.types.is_integer_dtype(found.finished[field]):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def plain_ticks(low: float, high: float) -> list[float]:
    """Return a few plain numbers about ``low`` to ``high`` on a logarithmic axis.

    Whatever the range, the first is at most ``low`` and the last at least ``high``.
    """
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    known = [float(f"{step}e{exponent}") for exponent in exponents for step in STEPS]
    below = max(mark for mark in known if mark <= low)
    above = min(mark for mark in known if mark >= high)
    marks = [mark for mark in known if below <= mark <= above]
    return marks if len(marks) <= 6 else [marks[0], *marks[3:-3:3], marks[-1]]


def draw_parallel(found: Found) -> Figure:
    """Draw each finished trial as a line through its settings, coloured by the objective."""
    metric = found.objectives[0]
    done = found.finished.sort_values(metric, ascending=_is_better_high(found))
    values = in_units(metric, done[metric])
    fields = found.fields
    figure, (axes,) = new_figure(max(6.4, 1.35 * (len(fields) + 1)), 4.0)
    lines = np.empty((len(done), len(fields) + 1))
    for column, field in enumerate(fields):
        lines[:, column] = _upright(axes, found, done[field], field, column)
    lines[:, -1] = _unit(values.to_numpy(float))
    _ends(axes, len(fields), values.to_numpy(float))
    for line, trial in zip(lines, done["trial_id"], strict=True):
        won, share = trial == found.winner, line[-1]
        axes.plot(
            range(len(fields) + 1),
            line,
            color=ORANGE if won else BLUES(0.25 + 0.75 * _worth(found, share)),
            linewidth=3 if won else 1.3,
            alpha=1 if won else 0.75,
            zorder=4 if won else 2 + share,
        )
    names = [title(field) for field in fields]
    axes.set_xticks(range(len(names) + 1), [*map(_broken, names), _broken(metric_title(metric))])
    axes.set_xlim(-0.35, len(names) + 0.45)
    axes.set_ylim(-0.08, 1.08)
    axes.set_yticks([])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    figure.legend(
        handles=[
            Line2D([], [], color=ORANGE, linewidth=3, label="the winner"),
            Line2D([], [], color=BLUES(1.0), linewidth=1.3, label="better"),
            Line2D([], [], color=BLUES(0.25), linewidth=1.3, label="worse"),
        ],
        loc="outside upper left",
        ncols=3,
    )
    note(figure, f"{found.provenance}\none line a finished trial")
    return figure


BLUES = matplotlib.colormaps["Blues"]


def _is_better_high(found: Found) -> bool:
    return bool(found.selection["directions"][0] == "maximize")


def _worth(found: Found, share: float) -> float:
    return share if _is_better_high(found) else 1 - share


def _unit(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return np.full(len(values), 0.5) if low == high else (values - low) / (high - low)


def _broken(name: str) -> str:
    """Break a long name in two lines."""
    return name.replace(" ", "\n", 1) if len(name) > 9 else name


def _upright(axes: Axes, found: Found, values: pd.Series, field: str, column: int) -> np.ndarray:
    """Draw one upright axis with its values; return the trials' heights on it."""
    place, ticks = positions(values, is_choice(found, field))
    if ticks:
        heights = place / max(1, len(ticks) - 1)
        axes.axvline(column, color=FAINT, linewidth=1, zorder=1)
        for number, tick in enumerate(ticks):
            _mark(axes, column, number / max(1, len(ticks) - 1), tick)
        return heights
    _ends(axes, column, place)
    return _unit(np.log(place) if is_log(found, field) else place)


def _ends(axes: Axes, column: int, values: np.ndarray) -> None:
    axes.axvline(column, color=FAINT, linewidth=1, zorder=1)
    low, high = values.min(), values.max()
    if low == high:
        _mark(axes, column, 0.5, f"{low:.3g}")
        return
    for height, value in ((0, low), (1, high)):
        _mark(axes, column, height, f"{value:.3g}")


def _mark(axes: Axes, column: int, height: float, text: str) -> None:
    axes.annotate(
        text,
        (column, height),
        (4, 0),
        textcoords="offset points",
        va="center",
        fontsize=8,
        color=INK,
        zorder=6,
        bbox={
            "boxstyle": "round,pad=0.15",
            "facecolor": "white",
            "edgecolor": "none",
            "alpha": 0.8,
        },
    )


def draw_importance(found: Found) -> Figure | None:
    """Draw how much each field mattered for the first objective; None where it is not known."""
    rows = found.importance
    rows = rows[rows["objective"] == found.objectives[0]] if len(rows) else rows
    if rows.empty:
        return None
    rows = rows.sort_values("importance")
    figure, (axes,) = new_figure(6.4, 1.2 + 0.3 * len(rows))
    bars = axes.barh([title(f) for f in rows["field"]], rows["importance"], color=BLUE, height=0.6)
    axes.bar_label(bars, [f"{v:.2f}" for v in rows["importance"]], padding=4, color=QUIET)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 1.12 * max(rows["importance"].max(), 0.01))
    axes.set_xlabel(f"share of the importance for {metric_name(found.objectives[0])}")
    evaluator, n = rows["evaluator"].iloc[0], rows["n"].iloc[0]
    note(figure, f"{found.provenance}\n{evaluator} (n = {n} finished trials)")
    return figure
