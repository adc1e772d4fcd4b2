"""The general figure of a study, chosen from what varies.

A number: lines with intervals over it, single runs as dots. Two numbers: a heat map. Words
alone, or more lines than can be told apart: a row each with its interval.
"""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.transforms import ScaledTranslation

from charon.report.cases import MANY_FIELDS, METHOD, Case, case_name, usual_values
from charon.report.names import field_text, field_title, in_units, metric_title, value_text
from charon.report.statistics import Mean, mean_of
from charon.report.style import FAINT, HEAT, INK, QUIET, look, note, picture

APART, SPREAD = 4.0, 24.0
"""Points between the markers of lines at the same value, and of all of them at most."""

LOGARITHMIC = 8
"""Quotient of the largest and the smallest value of a field from which its axis is logarithmic."""

MOST_LINES = 9
"""Lines that can be told apart in a panel."""

ENOUGH_FOR_PLANE = 3
"""Values of each of two numbers from which a heat map shows more than lines."""

BARS: dict[str, Any] = {"capsize": 3, "elinewidth": 1.1, "capthick": 1.1}
SINGLE_RUNS: dict[str, Any] = {"s": 12, "alpha": 0.45, "linewidths": 0}

INTERVALS = (
    "bars: 95 % interval of the mean (Student's t), of three runs or more; small dots: single runs"
)


def draw_chart(cases: Sequence[Case], metric: str, path: Path, about: str) -> Path:
    """Draw a metric of the cases, with what they were measured on below; return the path."""
    numbers = number_fields(cases)
    if is_plane(cases, numbers):
        with picture(path, 5.6, 4.2) as (figure, (axes,)):
            image = draw_plane(axes, cases, numbers[0], numbers[1], metric)
            figure.colorbar(image, ax=axes, label=metric_title(metric)).outline.set_edgecolor(FAINT)
            note(figure, f"{about}\nmeans of runs")
    elif numbers and len(lines_over(cases, across := _across(cases, numbers))) <= MOST_LINES:
        with picture(path, 6.8, 3.8) as (figure, (axes,)):
            draw_lines(axes, cases, across, metric)
            handles, labels = axes.get_legend_handles_labels()
            if len(labels) > 1:
                figure.legend(handles, labels, loc="outside right center")
            note(figure, f"{about}\n{INTERVALS}")
    else:
        with picture(path, 6.8, 1.3 + 0.34 * max(3, len(cases))) as (figure, (axes,)):
            draw_rows(axes, cases, metric)
            note(figure, f"{about}\n{INTERVALS}")
    return path


def number_fields(cases: Sequence[Case]) -> list[str]:
    """Return the fields with two or more numbers and no words, that with most values first."""
    values = {
        name: {case.values[name] for case in cases if case.values[name] is not None}
        for name in cases[0].values
    }
    numbers = [
        name
        for name, known in values.items()
        if len(known) > 1 and not any(isinstance(v, str | bool | np.bool_) for v in known)
    ]
    return sorted(numbers, key=lambda name: -len(values[name]))


def _across(cases: Sequence[Case], numbers: Sequence[str]) -> str:
    """Return the number over which the fewest lines are needed."""
    return min(numbers, key=lambda field: len(lines_over(cases, field)))


def is_plane(cases: Sequence[Case], numbers: Sequence[str]) -> bool:
    """Whether the cases are every combination of two numbers, and nothing else varies."""
    if len(numbers) != 2 or len(cases[0].values) != 2:
        return False
    across, up = ({case.values[name] for case in cases} for name in numbers)
    points = {tuple(case.values[name] for name in numbers) for case in cases}
    enough = min(len(across), len(up)) >= ENOUGH_FOR_PLANE
    return enough and points == set(product(across, up))


def lines_over(cases: Sequence[Case], field: str) -> dict[str, list[Case]]:
    """Return the cases with runs by all but a field's value, each line by its name.

    Where more than a few fields vary, a line is named by its method and by what differs from the
    usual values.
    """
    usual = usual_values([case.values for case in cases])
    if len(usual) <= MANY_FIELDS:
        usual = {}
    usual.pop(METHOD, None)
    alike: dict[tuple[tuple[str, Any], ...], list[Case]] = {}
    for case in cases:
        rest = {n: v for n, v in case.values.items() if n != field}
        rest = {n: v for n, v in rest.items() if n not in usual or v != usual[n]}
        if not case.runs.empty:
            alike.setdefault(tuple(rest.items()), []).append(case)
    lines: dict[str, list[Case]] = {}
    for named, group in alike.items():
        lines.setdefault(case_name(dict(named), group[0].runs), []).extend(group)
    return lines


def draw_lines(axes: Axes, cases: Sequence[Case], field: str, metric: str) -> None:
    """Draw a line over a number for each combination of what else varies.

    Cases whose method lacks the field are horizontal lines.
    """
    lines = lines_over(cases, field)
    titles = list(lines) if len(cases[0].values) > 1 else [metric_title(metric)]
    positions: set[float] = set()
    middle = (sum(group[0].values[field] is not None for group in lines.values()) - 1) / 2
    for place, (name, group) in enumerate(zip(titles, lines.values(), strict=True)):
        style = look(place)
        # Side by side, so that bars at the same value can be told apart.
        aside = (place - middle) * min(APART, SPREAD / len(lines)) / 72
        shift = ScaledTranslation(aside, 0, axes.figure.dpi_scale_trans)
        moved: dict[str, Any] = {"transform": axes.transData + shift}
        if group[0].values[field] is None:
            level = mean_of(in_units(metric, group[0].runs[metric]).tolist()).mean
            axes.axhline(level, linestyle="--", linewidth=1.5, color=style["color"], label=name)
            continue
        group = sorted(group, key=lambda case: case.values[field])
        at = [in_units(field, case.values[field]) for case in group]
        means = [mean_of(in_units(metric, case.runs[metric]).tolist()) for case in group]
        bars = [mean.bar for mean in means]
        axes.errorbar(at, [m.mean for m in means], bars, label=name, **BARS, **style | moved)
        runs = [in_units(metric, case.runs[metric]) for case in group]
        below = np.repeat(at, [len(of_case) for of_case in runs])
        axes.scatter(below, np.concatenate(runs), color=style["color"], **moved, **SINGLE_RUNS)
        # Artists that are moved aside do not count for the axes' limits.
        axes.update_datalim([(x, mean.mean) for x, mean in zip(at, means, strict=True)])
        positions.update(at)
    _scale_axis(axes, sorted(positions))
    axes.set_xlabel(field_title(field))
    axes.set_ylabel(metric_title(metric))
    _percent_limits(axes, metric, cases)


def _scale_axis(axes: Axes, positions: list[float]) -> None:
    if len(positions) > 1 and positions[0] > 0 and positions[-1] / positions[0] >= LOGARITHMIC:
        axes.set_xscale("log")
        axes.minorticks_off()
    if len(positions) <= 10:
        axes.set_xticks(positions, [value_text(value) for value in positions])


def _percent_limits(axes: Axes, metric: str, cases: Sequence[Case]) -> None:
    """Begin at zero, where no value is below; leave wide intervals of few runs outside."""
    values = np.concatenate([in_units(metric, case.runs[metric]).to_numpy() for case in cases])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low >= 0:
        axes.set_ylim(0, min(high * 1.3, max(high * 1.04, 104)) if high <= 100 else high * 1.1)
    else:
        margin = 0.3 * (high - low or 1)
        axes.set_ylim(low - margin, high + margin)


def draw_rows(axes: Axes, cases: Sequence[Case], metric: str) -> None:
    """Draw a row for each case: its mean with its interval, and its single runs."""
    colours: dict[str, int] = {}
    for row, case in enumerate(cases):
        key = str(case.values.get(METHOD, ""))
        style = look(colours.setdefault(key, len(colours)))
        runs = in_units(metric, case.runs[metric])
        mean: Mean = mean_of(runs.tolist())
        axes.errorbar([mean.mean], [row], xerr=[mean.bar], markersize=7, **BARS, **style)
        axes.scatter(runs, [row] * len(runs), color=INK, zorder=3, **SINGLE_RUNS)
    axes.set_yticks(range(len(cases)), [case.name for case in cases])
    axes.set_ylim(len(cases) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(metric_title(metric))
    if all((case.runs[metric] >= 0).all() for case in cases):
        axes.set_xlim(left=0)


def draw_plane(axes: Axes, cases: Sequence[Case], across: str, up: str, metric: str) -> AxesImage:
    """Draw the means over two numbers as a heat map with its values; return the image."""
    columns = sorted({case.values[across] for case in cases})
    rows = sorted({case.values[up] for case in cases})
    means = np.full((len(rows), len(columns)), np.nan)
    for case in cases:
        place = rows.index(case.values[up]), columns.index(case.values[across])
        means[place] = in_units(metric, case.runs[metric]).mean()
    image = axes.imshow(means, cmap=HEAT, origin="lower", aspect="auto")
    middle = np.nanmin(means) + 0.55 * (np.nanmax(means) - np.nanmin(means))
    for (row, column), value in np.ndenumerate(means):
        colour = QUIET if np.isnan(value) else "white" if value > middle else INK
        text = "–" if np.isnan(value) else f"{value:.1f}"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(columns)), [field_text(across, value) for value in columns])
    axes.set_yticks(range(len(rows)), [field_text(up, value) for value in rows])
    axes.set_xlabel(field_title(across))
    axes.set_ylabel(field_title(up))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return image
