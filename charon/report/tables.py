"""Tables as text, Markdown, LaTeX and CSV."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from charon.files import csv_text, write_text
from charon.report.cases import MANY_FIELDS, Case
from charon.report.names import UNITS, field_text, field_title, in_units, metric_name, metric_title
from charon.report.statistics import ENOUGH_FOR_INTERVAL, Mean, mean_of

TEX = {"η": r"$\eta$", "α": r"$\alpha$", "β": r"$\beta$", "γ": r"$\gamma$", "±": r"$\pm$"}
TEX |= {"–": "--", "−": "$-$"}

Table = tuple[list[str], list[list[str]]]
"""A header and rows."""


def plus_minus(mean: float, std: float, digits: int = 1) -> str:
    """Return ``mean ± std``, or the mean alone for a single run."""
    if pd.isna(mean):
        return "–"
    return f"{mean:.{digits}f}" + ("" if pd.isna(std) else f" ± {std:.{digits}f}")


def interval_text(mean: Mean) -> str:
    """Return a mean's 95 % interval, or a dash for fewer than three runs."""
    return "–" if mean.n < ENOUGH_FOR_INTERVAL else f"{mean.low:.1f} to {mean.high:.1f}"


def case_table(cases: Sequence[Case], metrics: Sequence[str]) -> Table:
    """Return a row for each case: its fields, each metric's mean and spread, runs.

    The first metric has its 95 % interval beside it. Where runs are missing, ``n`` says of
    how many. More than a few fields are one column, the case's name.
    """
    fields = list(cases[0].values) if 0 < len(cases[0].values) <= MANY_FIELDS else []
    first, *others = metrics
    header = [field_title(name) for name in fields] or ["case"]
    unit = "" if first in UNITS else " %"
    header += [f"{_column(first)}{unit}", "95 % interval", *map(_column, others), "n"]
    rows = []
    for case in cases:
        values = {name: case.values[name] for name in fields}
        row = ["–" if v is None else field_text(n, v) for n, v in values.items()] or [case.name]
        for metric in metrics:
            mean = mean_of(in_units(metric, case.runs[metric].dropna()).tolist())
            digits = 0 if mean.mean >= 1000 else 1
            row.append(plus_minus(mean.mean, mean.std or math.nan, digits))
            if metric == first:
                row.append(interval_text(mean))
        n = len(case.runs)
        rows.append([*row, f"{n}" if n == case.num_planned else f"{n} of {case.num_planned}"])
    return header, rows


def _column(metric: str) -> str:
    return metric_title(metric) if metric in UNITS else metric_name(metric)


def write_case_csv(path: Path, cases: Sequence[Case], metrics: Sequence[str]) -> None:
    """Write the numbers of :func:`case_table` as CSV, in full and with every interval."""
    header = [*cases[0].values, "case"]
    header += [f"{m} {what}" for m in metrics for what in ("mean", "std", "low", "high")]
    rows = []
    for case in cases:
        means = [mean_of(case.runs[metric].dropna().tolist()) for metric in metrics]
        numbers = [value for m in means for value in (m.mean, m.std, m.low, m.high)]
        known = ["" if value != value else value for value in numbers]
        rows.append([*case.values.values(), case.name, *known, len(case.runs), case.num_planned])
    write_text(path, csv_text([[*header, "n", "planned"], *rows]))


def text_table(header: list[str], rows: list[list[str]]) -> str:
    """Return a plain table, the first column aligned to the left and the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, ["─" * width for width in widths], *rows]:
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """Return the table as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def latex_table(header: list[str], rows: list[list[str]]) -> str:
    """Return the table as LaTeX, for the package booktabs."""
    frame = pd.DataFrame(rows, columns=header)
    alignment = "l" + "r" * (len(header) - 1)
    text = frame.to_latex(index=False, escape=True, column_format=alignment)
    for letter, command in TEX.items():
        text = text.replace(letter, command)
    return text
