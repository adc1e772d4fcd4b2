"""FAA against each loss weight alone, around the paper's setting, and as a plane of α and β.

Reads    results/loss_weights
Writes   README.md, tables and figures beside its tables, and prints the table
Run      python analysis/loss_weights.py [--results DIR]
"""

from dataclasses import replace

from charon.report.cases import cases_of
from charon.report.chart import draw_lines, draw_plane
from charon.report.command import show
from charon.report.results import Results
from charon.report.style import note, picture
from charon.report.summary import FIGURES, summarise

PAPER = {"learner.alpha": 0.3, "learner.beta": 0.8, "learner.gamma": 0.5}
FAA = "test/faa"


def describe(results: Results) -> str:
    """Draw each weight with the others as in the paper, the plane, and what every study gets."""
    cases = [case for case in cases_of(results) if not case.runs.empty]
    path = results.folder / "loss_weights.png"
    with picture(path, 9.6, 6.4, columns=2, rows=2) as (figure, panels):
        for axes, weight in zip(panels, PAPER, strict=False):
            others = {name: value for name, value in PAPER.items() if name != weight}
            alone = [c for c in cases if all(c.values[n] == v for n, v in others.items())]
            if alone:
                draw_lines(
                    axes,
                    [replace(c, values={weight: c.values[weight]}) for c in alone],
                    weight,
                    FAA,
                )
        plane = [c for c in cases if c.values["learner.gamma"] == PAPER["learner.gamma"]]
        panels[3].set_visible(bool(plane))
        if plane:
            draw_plane(panels[3], plane, "learner.alpha", "learner.beta", FAA)
        note(figure, f"{results.provenance}; the other weights as in the paper")
    return summarise(results, figures={"loss_weights": "FAA around the paper's weights", **FIGURES})


if __name__ == "__main__":
    show(describe, "loss_weights")
