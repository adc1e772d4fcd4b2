"""FAA with each switch of the released code, and its paired difference to the paper's.

Reads    results/fidelity
Writes   README.md, tables and figures beside its tables, and prints the tables
Run      python analysis/fidelity.py [--results DIR]
"""

from charon.report import compare
from charon.report.cases import BASE
from charon.report.command import show
from charon.report.differences import draw_differences
from charon.report.results import Results
from charon.report.summary import FIGURES, summarise


def describe(results: Results) -> str:
    """Draw the differences, and what every study gets; base is the paper's setting."""
    if results.finished.empty:
        return summarise(results)
    comparison = compare.compare([results], against=BASE)
    draw_differences(comparison, results.folder / "fidelity.png", results.provenance)
    figures = {"fidelity": "Difference of each switch to the paper's setting", **FIGURES}
    return summarise(results, compare.describe(comparison), figures=figures)


if __name__ == "__main__":
    show(describe, "fidelity")
