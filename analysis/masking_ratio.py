"""FAA and training speed against the masking ratio, with fine-tuning as the lower bound.

Reads    results/masking_ratio
Writes   README.md, tables and figures beside its tables, and prints the table
Run      python analysis/masking_ratio.py [--results DIR]
"""

from charon.report.cases import cases_of
from charon.report.chart import INTERVALS, draw_lines
from charon.report.command import show
from charon.report.results import Results
from charon.report.style import note, picture
from charon.report.summary import FIGURES, summarise

ETA, FAA, SPEED = "learner.masking_ratio", "test/faa", "train/epochs_per_hour"


def describe(results: Results) -> str:
    """Draw accuracy and speed side by side, and what every study gets."""
    cases = [case for case in cases_of(results) if not case.runs.empty]
    if any(case.values.get(ETA) is not None for case in cases):
        path = results.folder / "masking_ratio.png"
        with picture(path, 9.0, 3.6, columns=2) as (figure, (accuracy, speed)):
            draw_lines(accuracy, cases, ETA, FAA)
            draw_lines(speed, cases, ETA, SPEED)
            figure.legend(*accuracy.get_legend_handles_labels(), loc="outside right center")
            note(figure, f"{results.provenance}\n{INTERVALS}")
    figures = {"masking_ratio": "FAA and training speed against η", **FIGURES}
    return summarise(results, metrics=[SPEED], figures=figures)


if __name__ == "__main__":
    show(describe, "masking_ratio")
