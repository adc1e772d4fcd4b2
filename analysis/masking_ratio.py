"""FAA and training speed against the masking ratio, with fine-tuning as the lower bound.

Reads    results/masking_ratio/{study.json,trials.csv,curves.csv}
Writes   masking_ratio.png and tasks.png beside them, and prints the table
Run      python analysis/masking_ratio.py [--results DIR]
"""

import pandas as pd
from matplotlib.axes import Axes

from charon.report.command import show
from charon.report.curves import draw_curves
from charon.report.style import BLUE, ORANGE, QUIET, RAMP, new_figure, note, styled
from charon.report.tables import Results, mean_and_spread, plus_minus, text_table

ETA = "learner.masking_ratio"
FAA, SPEED = "test/faa", "train/epochs_per_hour"
FORGETTING = "test/forgetting"
BOUND = "fine-tuning"


def describe(results: Results) -> str:
    """Draw the figures and return the table."""
    finished = results.finished
    charon = finished[finished["learner"] == "charon"]
    if charon.empty:
        return "No run of CHARON has finished yet, so there is nothing to show."
    bounds = finished[finished["learner"] == "finetune"]
    table = mean_and_spread(charon, [ETA], [FAA, FORGETTING, SPEED])
    with styled():
        _draw_trade_off(results, table, bounds)
        _draw_tasks(results)
    return text_table(
        ["masking ratio η", "FAA %", "forgetting", "epochs/h", "n"], _rows(table, bounds)
    )


def _rows(table: pd.DataFrame, bounds: pd.DataFrame) -> list[list[str]]:
    rows = [_row(f"{eta:.2f}", row) for eta, row in table.iterrows()]
    if len(bounds):
        lower = mean_and_spread(bounds, ["learner"], [FAA, FORGETTING, SPEED])
        rows.append(_row(f"{BOUND} (no memory)", lower.iloc[0]))
    return rows


def _row(name: str, row: pd.Series) -> list[str]:
    cells = [plus_minus(row[m, "mean"], row[m, "std"]) for m in (FAA, FORGETTING)]
    speed = plus_minus(row[SPEED, "mean"], row[SPEED, "std"], digits=0)
    return [name, *cells, speed, f"{row[FAA, 'count']:.0f}"]


def _draw_trade_off(results: Results, table: pd.DataFrame, bounds: pd.DataFrame) -> None:
    figure, (accuracy, speed) = new_figure(8.2, 3.5, columns=2)
    _draw_points(accuracy, results.finished, table, FAA, BLUE)
    if len(bounds):
        lower = bounds[FAA].mean()
        accuracy.axhline(lower, color=QUIET, linestyle="--", linewidth=1.5)
        accuracy.annotate(
            f"{BOUND} {lower:.1f} %",
            (1, lower),
            (-2, 4),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            color=QUIET,
        )
    accuracy.set_ylabel("FAA, percent")
    accuracy.set_title("Accuracy")
    _draw_points(speed, results.finished, table, SPEED, ORANGE)
    speed.set_ylabel("training epochs per hour")
    speed.set_title("Speed")
    for axes in (accuracy, speed):
        axes.set_xlabel("masking ratio η")
        axes.set_xlim(-0.04, 0.94)
        axes.set_ylim(bottom=0)
    note(figure, f"{results.provenance}; line: mean over seeds, dots: single runs")
    figure.savefig(results.folder / "masking_ratio.png")


def _draw_points(
    axes: Axes, finished: pd.DataFrame, table: pd.DataFrame, metric: str, colour: str
) -> None:
    runs = finished[finished["learner"] == "charon"]
    axes.plot(table.index, table[metric, "mean"], color=colour, marker="o")
    axes.scatter(runs[ETA], runs[metric], s=14, color=colour, alpha=0.45, linewidths=0, zorder=3)


def _draw_tasks(results: Results) -> None:
    """Draw the mean over the tasks seen, and how the first task is forgotten."""
    ids = results.finished["trial_id"]
    curves = results.curves[results.curves["trial_id"].isin(ids)]
    figure, (left, right) = new_figure(9.4, 3.7, columns=2)
    for axes, metric in ((left, FAA), (right, "test/acc/task_01")):
        means = _means(curves, metric)
        draw_curves(axes, means, {label: _colour(label) for label in means})
    left.set_title("All tasks seen")
    left.set_ylabel("mean accuracy, percent")
    right.set_title("The first task, forgotten")
    right.set_ylabel("accuracy on task 1, percent")
    figure.legend(*right.get_legend_handles_labels(), loc="outside right center")
    note(figure, f"{results.provenance}; means over seeds")
    figure.savefig(results.folder / "tasks.png")


def _means(curves: pd.DataFrame, metric: str) -> dict[str, pd.Series]:
    """Return the mean over seeds at each number of tasks, by label: rising η, then the bound."""
    ordered = curves.sort_values(ETA, na_position="last")
    labels = [BOUND if pd.isna(eta) else f"η = {eta:.2f}" for eta in ordered[ETA]]
    parts = ordered.groupby(labels, sort=False)
    return {str(label): part.groupby("task")[metric].mean() for label, part in parts}


def _colour(label: str) -> object:
    return QUIET if label == BOUND else RAMP(float(label.rpartition(" ")[2]))


if __name__ == "__main__":
    show(describe, "masking_ratio")
