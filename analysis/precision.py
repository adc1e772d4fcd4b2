"""FAA in float32 and in bfloat16, seed by seed, and the interval of their difference.

Reads    results/precision/{study.json,trials.csv,curves.csv}
Writes   precision.png beside them, and prints the table
Run      python analysis/precision.py [--results DIR]
"""

import pandas as pd

from charon.report.command import show
from charon.report.statistics import mean_of
from charon.report.style import BLUE, FAINT, ORANGE, new_figure, note, styled
from charon.report.tables import Results, plus_minus, text_table

FAA, PRECISION = "test/faa", "model.precision"
COLOURS = {"fp32": BLUE, "bf16": ORANGE}


def describe(results: Results) -> str:
    """Draw the figure and return the table."""
    finished = results.finished
    if finished.empty:
        return "No run has finished yet, so there is nothing to show."
    by_seed = finished.pivot_table(index="seed", columns=PRECISION, values=FAA)
    pairs = by_seed.reindex(columns=list(COLOURS)).dropna()
    if pairs.empty:
        return "No seed has finished in both precisions yet, so there is nothing to compare."
    worth = pairs["bf16"] - pairs["fp32"]
    with styled():
        _draw(results, pairs)
    rows = [
        [str(seed), f"{pair['fp32']:.1f}", f"{pair['bf16']:.1f}", f"{apart:+.1f}"]
        for (seed, pair), apart in zip(pairs.iterrows(), worth, strict=True)
    ]
    spread = [plus_minus(pairs[way].mean(), pairs[way].std()) for way in COLOURS]
    rows.append(["mean", *spread, plus_minus(worth.mean(), worth.std())])
    table = text_table(["seed", "fp32 FAA %", "bf16 FAA %", "bf16 - fp32"], rows)
    return f"{table}\n{_interval(worth)}"


def _interval(worth: pd.Series) -> str:
    found = mean_of(worth.tolist())
    return (
        f"95 % interval of the mean difference, {found.n} pairs: "
        f"{found.mean - found.half:+.1f} to {found.mean + found.half:+.1f} points."
    )


def _draw(results: Results, pairs: pd.DataFrame) -> None:
    figure, (axes,) = new_figure(5.6, 3.2)
    for number, (_, pair) in enumerate(pairs.iterrows()):
        axes.plot([number, number], pair, color=FAINT, linewidth=1, zorder=1)
    for way, colour in COLOURS.items():
        axes.scatter(range(len(pairs)), pairs[way], s=36, color=colour, label=way)
    axes.set_xticks(range(len(pairs)), [str(seed) for seed in pairs.index])
    axes.set_xlabel("seed")
    axes.set_ylabel("FAA, percent")
    axes.set_ylim(bottom=0)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center")
    note(figure, results.provenance)
    figure.savefig(results.folder / "precision.png")


if __name__ == "__main__":
    show(describe, "precision")
