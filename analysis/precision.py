"""FAA in float32 and in bfloat16, seed by seed, and the interval of their difference.

Reads    results/precision/{study.json,trials.csv,curves.csv}
Writes   precision.png beside them, and prints the table
Run      python analysis/precision.py [--results DIR]
"""

import pandas as pd
from matplotlib.axes import Axes

from charon.report.command import show
from charon.report.statistics import Mean, mean_of
from charon.report.style import BLUE, FAINT, INK, ORANGE, note, picture
from charon.report.tables import Results, plus_minus, text_table

FAA, PRECISION, BENCHMARK = "test/faa", "model.precision", "data.benchmark"
COLOURS = {"fp32": BLUE, "bf16": ORANGE}

MARGIN = 1.5
"""Points of FAA within which both precisions count as equal."""


def describe(results: Results) -> str:
    """Draw the figure and return the table."""
    finished = results.finished
    if finished.empty:
        return "No run has finished yet, so there is nothing to show."
    by_run = finished.pivot(index=[BENCHMARK, "seed"], columns=PRECISION, values=FAA)
    pairs = by_run.reindex(columns=list(COLOURS)).dropna()
    if pairs.empty:
        return "No seed has finished in both precisions yet, so there is nothing to compare."
    pairs.index = _names(pairs.index)
    apart = pairs["bf16"] - pairs["fp32"]
    mean = mean_of(apart.tolist())
    _draw(results, pairs, apart, mean)
    rows = [
        [str(name), f"{pair['fp32']:.1f}", f"{pair['bf16']:.1f}", f"{difference:+.1f}"]
        for (name, pair), difference in zip(pairs.iterrows(), apart, strict=True)
    ]
    spread = [plus_minus(pairs[way].mean(), pairs[way].std()) for way in COLOURS]
    sign = "" if mean.mean < 0 else "+"
    rows.append(["mean", *spread, sign + plus_minus(mean.mean, mean.std)])
    table = text_table(["seed", "fp32 FAA %", "bf16 FAA %", "bf16 - fp32"], rows)
    return f"{table}\n{verdict(mean)}"


def _names(index: pd.Index) -> list[str]:
    """Return the seeds' names, with their protocols where there are several."""
    several = index.get_level_values(BENCHMARK).nunique() > 1
    return [f"{benchmark} {seed}" if several else str(seed) for benchmark, seed in index]


def verdict(apart: Mean) -> str:
    """Return the interval of the mean difference, and whether it lies within the margin."""
    if apart.n < 2:
        return "One pair says nothing of the difference: an interval needs two or more."
    low, high = apart.mean - apart.half, apart.mean + apart.half
    if low >= -MARGIN and high <= MARGIN:
        text = f"it lies within ±{MARGIN} points, so both end with the same FAA."
    elif high < -MARGIN or low > MARGIN:
        text = f"it lies beyond ±{MARGIN} points, so they do not end with the same FAA."
    else:
        text = f"it reaches beyond ±{MARGIN} points, so {apart.n} pairs do not decide it."
    return (
        f"95 % interval of the mean difference (Student's t, {apart.n} pairs): "
        f"{low:+.1f} to {high:+.1f} points; {text}"
    )


def _draw(results: Results, pairs: pd.DataFrame, apart: pd.Series, mean: Mean) -> None:
    places = range(len(pairs))
    path = results.folder / "precision.png"
    with picture(path, 8.4, 3.4, columns=2) as (figure, (left, right)):
        for place, (_, pair) in enumerate(pairs.iterrows()):
            left.plot([place, place], pair, color=FAINT, linewidth=1, zorder=1)
        for way, colour in COLOURS.items():
            left.scatter(places, pairs[way], s=36, color=colour, label=way)
        left.set_ylabel("FAA, percent")
        left.set_ylim(0, 1.1 * pairs.to_numpy().max())
        left.legend(loc="lower right")
        left.set_xticks(places, pairs.index)
        _draw_difference(right, apart, mean)
        for axes in (left, right):
            axes.set_xlabel("seed")
        shaded = f"shaded: within {MARGIN} points; mean: with its 95 % interval (Student's t)"
        note(figure, f"{results.provenance}\n{shaded}")


def _draw_difference(axes: Axes, apart: pd.Series, mean: Mean) -> None:
    axes.axhspan(-MARGIN, MARGIN, color=FAINT, alpha=0.25, linewidth=0)
    axes.axhline(0, color=FAINT, linewidth=1)
    axes.scatter(range(mean.n), apart, s=30, color=INK)
    names = list(apart.index)
    if mean.n > 1:
        names.append("mean")
        axes.errorbar(
            mean.n, mean.mean, yerr=mean.half, fmt="o", color=ORANGE, capsize=5, linewidth=2
        )
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("bf16 - fp32, points")


if __name__ == "__main__":
    show(describe, "precision")
