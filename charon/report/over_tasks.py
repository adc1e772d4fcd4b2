"""Accuracy over tasks, forgetting of each task, and mean accuracy matrices of a study's cases."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from charon.report.cases import Case
from charon.report.matrix import draw_matrices
from charon.report.style import look, note, picture

MOST_LINES, MOST_MATRICES = 8, 9
"""Cases in a figure; of more, as many are drawn, evenly by their final accuracy."""


def matrices_of(case: Case, curves: pd.DataFrame, part: str) -> NDArray[np.float64]:
    """Return the accuracy matrices of a case's finished runs: (run, task learned, task), percent.

    A joint stream, which learns all tasks as one, has the last row alone.

    Args:
        case: of the study.
        curves: a row per trial and task.
        part: of the data, such as ``"test"``.
    """
    prefix = f"{part}/acc/task_"
    names = (name for name in map(str, curves) if name.startswith(prefix))
    tasks = sorted(names, key=lambda name: int(name.removeprefix(prefix)))
    its = curves[curves["trial_id"].isin(case.runs["trial_id"])]
    runs = [run.sort_values("task")[tasks].to_numpy(float) for _, run in its.groupby("trial_id")]
    used = [run[:, ~np.isnan(run).all(axis=0)] for run in runs]
    return np.array(used).reshape(len(used), *(used[0].shape if used else (0, 0)))


def forgetting_of(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much of each task but the last is lost at the end: (run, task), points.

    The best accuracy on the task before the last task was learned, minus the final one.
    """
    if min(matrices.shape[1:]) < 2:
        return np.empty((len(matrices), 0))
    best: NDArray[np.float64] = np.nanmax(matrices[:, :-1, :-1], axis=1)
    lost: NDArray[np.float64] = best - matrices[:, -1, :-1]
    return lost


def draw_tasks(
    cases: Sequence[Case], curves: pd.DataFrame, part: str, path: Path, about: str
) -> None:
    """Draw the mean over the tasks seen, and how much of each task is forgotten at the end."""
    shown, left_out = evenly_by_rank(cases, f"{part}/faa", MOST_LINES)
    with picture(path, 9.4, 3.7, columns=2) as (figure, (left, right)):
        for place, case in enumerate(shown):
            matrices = matrices_of(case, curves, part)
            seen = np.nanmean(matrices, axis=2).mean(axis=0)
            style = {**look(place), "markersize": 4}
            first = matrices.shape[2] - len(seen) + 1  # all of them of a joint stream
            left.plot(range(first, first + len(seen)), seen, label=case.name, **style)
            lost = forgetting_of(matrices).mean(axis=0)
            right.plot(range(1, len(lost) + 1), lost, label=case.name, **style)
        for axes in (left, right):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        left.set_ylim(bottom=0)
        left.set_title("Accuracy on the tasks seen")
        left.set_xlabel("tasks seen")
        left.set_ylabel("mean accuracy, percent")
        right.set_title("Forgetting of each task")
        right.set_xlabel("task")
        right.set_ylabel("best before the last task - final, points")
        figure.legend(*left.get_legend_handles_labels(), loc="outside right center")
        note(figure, f"{about}; means over runs{left_out}")


def draw_mean_matrices(
    cases: Sequence[Case], curves: pd.DataFrame, part: str, path: Path, about: str
) -> None:
    """Draw the mean accuracy matrix of each case."""
    shown, left_out = evenly_by_rank(cases, f"{part}/faa", MOST_MATRICES)
    means = {case.name: matrices_of(case, curves, part).mean(axis=0) for case in shown}
    draw_matrices(means, path, f"{about}; means over runs{left_out}")


def evenly_by_rank(cases: Sequence[Case], metric: str, most: int) -> tuple[list[Case], str]:
    """Return at most ``most`` cases that have runs, and what a note says of those left out."""
    known = [case for case in cases if not case.runs.empty]
    if len(known) <= most:
        return known, ""
    ranked = sorted(known, key=lambda case: -case.runs[metric].mean())
    places = np.linspace(0, len(ranked) - 1, most).round().astype(int)
    chosen = [ranked[place] for place in places]
    return chosen, f"; {most} of {len(known)} cases, evenly by their rank in FAA, the best first"
