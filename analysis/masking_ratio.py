"""FAA and training speed against the masking ratio, with fine-tuning as the lower bound.

Reads    results/masking_ratio/{study.json,trials.csv,curves.csv}
Writes   masking_ratio.png and tasks.png beside them, and prints the table
Run      python analysis/masking_ratio.py [--results DIR]
"""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from charon.report.command import show
from charon.report.style import BLUE, ORANGE, QUIET, RAMP, note, picture
from charon.report.tables import Results, mean_and_spread, plus_minus, text_table

ETA = "learner.masking_ratio"
FAA, FORGETTING, SPEED = "test/faa", "test/forgetting", "train/epochs_per_hour"
BOUND = "fine-tuning"


def describe(results: Results) -> str:
    """Draw the figures and return the table."""
    finished = results.finished
    charon = finished[finished["learner"] == "charon"]
    if charon.empty:
        return "No run of CHARON has finished yet, so there is nothing to show."
    bounds = finished[finished["learner"] == "finetune"]
    table = mean_and_spread(charon, [ETA], [FAA, FORGETTING, SPEED])
    _draw_trade_off(results, charon, bounds, table)
    _draw_tasks(results)
    rows = [_row(f"{eta:.2f}", row) for eta, row in table.iterrows()]
    if len(bounds):
        lower = mean_and_spread(bounds, ["learner"], [FAA, FORGETTING, SPEED])
        rows.append(_row(f"{BOUND} (no memory)", lower.iloc[0]))
    return text_table(["masking ratio η", "FAA %", "forgetting", "epochs/h", "n"], rows)


def _row(name: str, row: pd.Series) -> list[str]:
    cells = [plus_minus(row[m, "mean"], row[m, "std"]) for m in (FAA, FORGETTING)]
    speed = plus_minus(row[SPEED, "mean"], row[SPEED, "std"], digits=0)
    return [name, *cells, speed, f"{row[FAA, 'count']:.0f}"]


def _draw_trade_off(
    results: Results, charon: pd.DataFrame, bounds: pd.DataFrame, table: pd.DataFrame
) -> None:
    path = results.folder / "masking_ratio.png"
    with picture(path, 8.2, 3.5, columns=2) as (figure, (accuracy, speed)):
        if len(bounds):
            _draw_bound(accuracy, bounds[FAA].mean())
        for axes, metric, colour in ((accuracy, FAA, BLUE), (speed, SPEED, ORANGE)):
            axes.plot(table.index, table[metric, "mean"], color=colour, marker="o")
            axes.scatter(
                charon[ETA], charon[metric], s=14, color=colour, alpha=0.45, linewidths=0, zorder=3
            )
            axes.set_xlabel("masking ratio η")
            axes.set_xlim(-0.04, 0.94)
            axes.set_ylim(bottom=0)
        accuracy.set_ylabel("FAA, percent")
        accuracy.set_title("Accuracy")
        speed.set_ylabel("training epochs per hour")
        speed.set_title("Speed")
        note(figure, f"{results.provenance}; line: mean over seeds, dots: single runs")


def _draw_bound(axes: Axes, lower: float) -> None:
    axes.axhline(lower, color=QUIET, linestyle="--", linewidth=1.5)
    axes.annotate(
        f"{BOUND} {lower:.1f} %",
        (1, lower),
        (-2, 4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        color=QUIET,
    )


def _draw_tasks(results: Results) -> None:
    """Draw the mean over the tasks seen, and how the first task is forgotten."""
    is_finished = results.curves["trial_id"].isin(results.finished["trial_id"])
    curves = results.curves[is_finished].sort_values(ETA, na_position="last")
    with picture(results.folder / "tasks.png", 9.4, 3.7, columns=2) as (figure, (left, right)):
        for axes, metric in ((left, FAA), (right, "test/acc/task_01")):
            for eta, runs in curves.groupby(ETA, sort=False, dropna=False):
                mean = runs.groupby("task")[metric].mean()
                ratio = float(str(eta))
                is_bound = math.isnan(ratio)
                label = BOUND if is_bound else f"η = {ratio:.2f}"
                colour = QUIET if is_bound else RAMP(ratio)
                axes.plot(mean, marker="o", markersize=3.5, color=colour, label=label)
            axes.set_xlabel("tasks seen")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_ylim(bottom=0)
        left.set_title("All tasks seen")
        left.set_ylabel("mean accuracy, percent")
        right.set_title("The first task, forgotten")
        right.set_ylabel("accuracy on task 1, percent")
        figure.legend(*right.get_legend_handles_labels(), loc="outside right center")
        note(figure, f"{results.provenance}; means over seeds")


if __name__ == "__main__":
    show(describe, "masking_ratio")
