"""FAA in bfloat16 minus FAA in float32, seed by seed, and whether they count as equal.

Reads    results/precision
Writes   README.md, tables and figures beside its tables, and prints the tables
Run      python analysis/precision.py [--results DIR]
"""

from charon.report import compare
from charon.report.command import show
from charon.report.differences import draw_differences
from charon.report.results import Results
from charon.report.significance import equivalence
from charon.report.summary import FIGURES, summarise

MARGIN = 1.5
"""Points of FAA within which both precisions count as equal."""

WORDS = {
    "within": "so both end with the same FAA",
    "outside": "so they do not end with the same FAA",
    "undecided": "so these pairs do not decide whether both end with the same FAA",
}


def describe(results: Results) -> str:
    """Draw the difference, say whether it lies within the margin, and what every study gets."""
    if results.finished["model.precision"].nunique() < 2:
        return "No seed has finished in both precisions yet, so there is nothing to compare."
    comparison = compare.compare([results], by=["model.precision"], against="precision = fp32")
    draw_differences(comparison, results.folder / "precision.png", results.provenance, MARGIN)
    difference = comparison.rows[1].difference
    assert difference is not None
    verdict = equivalence(difference.apart, MARGIN)
    sentence = f"bf16 - fp32 is {verdict} ±{MARGIN} points, {WORDS[verdict]}."
    figures = {"precision": "bf16 minus fp32, seed by seed", **FIGURES}
    return summarise(results, compare.describe(comparison), sentence, figures=figures)


if __name__ == "__main__":
    show(describe, "precision")
