"""A picture of the accuracy matrix."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from charon.report.style import FAINT, HEAT, INK, picture


def draw_matrix(matrix: Sequence[Sequence[float | None]], title: str, path: Path) -> Path:
    """Draw R[i, j], the accuracy on task j after learning task i, and return the path.

    Args:
        matrix: percent, one row per task learned; None where a task is not learned yet.
        title: name of the run.
        path: the picture to write.
    """
    values = np.array([[np.nan if a is None else a for a in row] for row in matrix], dtype=float)
    size = 1.9 + 0.42 * values.shape[1]
    with picture(path, size + 0.6, size) as (figure, (axes,)):
        image = axes.imshow(values, cmap=HEAT, vmin=0, vmax=100)
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                colour = "white" if value > 55 else INK
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour)
        tasks = [str(task + 1) for task in range(values.shape[1])]
        axes.set_xticks(range(values.shape[1]), tasks)
        axes.set_yticks(range(values.shape[0]), tasks[: values.shape[0]])
        axes.set_xlabel("accuracy on task")
        axes.set_ylabel("after learning task")
        axes.set_title(title)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=axes, shrink=0.75, label="percent")
        bar.outline.set_edgecolor(FAINT)
    return path
