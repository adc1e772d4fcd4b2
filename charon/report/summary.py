"""What any study gets without an analysis of its own: a table, figures, a page.

Run    python -m charon.report.summary --results DIR
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from charon.files import write_text
from charon.report.cases import Case, cases_of
from charon.report.chart import draw_chart
from charon.report.command import show
from charon.report.over_tasks import draw_mean_matrices, draw_tasks
from charon.report.results import Results
from charon.report.tables import (
    Table,
    case_table,
    latex_table,
    markdown_table,
    text_table,
    write_case_csv,
)

SPREAD = "Mean ± standard deviation over runs; the 95 % interval of the mean is Student's t."

MADE_FROM = "<!-- made from tables "
"""Begins the page's last line, by which a page is known to be older than its tables."""

METRICS = ("faa", "forgetting", "bwt", "task_il_faa")

OLD_AND_NEW = ("old", "new", "harmonic_mean")
"""Where tasks have different sizes, or later ones few clips, FAA alone tells little."""

ON_THE_WAY = ("lowest_accuracy", "worst_case_accuracy")
"""Where a study evaluates on the way through tasks."""

FIGURES = {
    "figure": "The objective of each case",
    "tasks": "Accuracy over tasks, and forgetting of each task",
    "matrices": "Mean accuracy matrices",
}
"""By file name, each as PNG and PDF: what a figure shows."""


MOST_ROWS = 40
"""Of the table on the console."""


def describe(results: Results) -> str:
    """Draw the general figures, write tables and the page; return the text for the console."""
    return summarise(results)


def summarise(
    results: Results,
    *paragraphs: str,
    cases: list[Case] | None = None,
    metrics: Sequence[str] = (),
    figures: Mapping[str, str] = FIGURES,
) -> str:
    """Draw the general figures, write tables and the page; return the text for the console.

    Args:
        results: of the study.
        paragraphs: of an analysis, below the table.
        cases: rows of the table; those of what varies if None.
        metrics: columns of the table beside the usual ones.
        figures: what each shows, by file name; those that are not there are left out.
    """
    if results.finished.empty:
        return "No trial has finished."
    cases = cases_of(results) if cases is None else cases
    draw_figures(results, cases)
    columns = [*metrics_of(results), *(name for name in metrics if name in results.finished)]
    table = case_table(cases, columns)
    write_text(results.folder / "table.tex", latex_table(*table))
    write_case_csv(results.folder / "table.csv", cases, columns)
    write_page(results, table, figures, *paragraphs)
    return "\n\n".join([*_on_the_console(table), *paragraphs])


def _on_the_console(table: Table) -> list[str]:
    """Return the table as text: of many rows the first, and where the others are."""
    header, rows = table
    shown = text_table(header, rows[:MOST_ROWS])
    more = f"These are the first {MOST_ROWS} of {len(rows):,}; README.md and table.csv have all."
    return [shown, more] if len(rows) > MOST_ROWS else [shown]


def metrics_of(results: Results) -> list[str]:
    """Return the metrics of a study's table, its first objective first."""
    objective = results.study.objectives[0]
    part = objective.partition("/")[0]
    names = [*METRICS, *(OLD_AND_NEW if _is_uneven(results) else ()), *ON_THE_WAY]
    known = [f"{part}/{name}" for name in names if f"{part}/{name}" in results.finished]
    return list(dict.fromkeys([objective, *known]))


def _is_uneven(results: Results) -> bool:
    """Whether tasks of some run have sizes of their own, or few clips."""
    none = pd.Series(dtype=object)
    sizes = results.finished.get("data.classes_per_task", none).astype(str)
    shots = results.finished.get("data.shots", none)
    return bool(sizes.str.contains(",").any() or (shots > 0).any())


def draw_figures(results: Results, cases: list[Case]) -> None:
    """Draw the general figures beside the study's tables."""
    metric, about, folder = results.study.objectives[0], results.provenance, results.folder
    known = [case for case in cases if not case.runs.empty]
    draw_chart(known, metric, folder / "figure.png", about)
    part = metric.partition("/")[0]
    if f"{part}/acc/task_01" in results.curves:
        draw_tasks(known, results.curves, part, folder / "tasks.png", about)
        draw_mean_matrices(known, results.curves, part, folder / "matrices.png", about)


def write_page(
    results: Results, table: Table, figures: Mapping[str, str], *paragraphs: str
) -> None:
    """Write the page, ``README.md``: the question, the table, paragraphs, figures.

    Args:
        results: of the study.
        table: of its cases.
        figures: what each shows, by file name; those that do not exist are left out.
        paragraphs: of an analysis, below the table.
    """
    pictures = [
        f"![{text}]({name}.png)"
        for name, text in figures.items()
        if (results.folder / f"{name}.png").exists()
    ]
    parts = [f"# {results.study.question}", f"{results.provenance}."]
    parts += [markdown_table(*table), SPREAD]
    made_from = f"{MADE_FROM}{fingerprint_of(results.folder)} -->"
    text = "\n\n".join([*parts, *paragraphs, *pictures, made_from])
    write_text(results.folder / "README.md", f"{text}\n")


def fingerprint_of(folder: Path) -> str:
    """Return a fingerprint of the tables that figures are made from."""
    content = b"".join((folder / f"{name}.csv").read_bytes() for name in ("trials", "curves"))
    return hashlib.sha256(content).hexdigest()[:16]


def main() -> None:
    """Describe the study in ``--results``."""
    show(describe)


if __name__ == "__main__":
    main()
