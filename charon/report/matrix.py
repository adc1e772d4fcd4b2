"""Pictures of accuracy matrices."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from charon.report.style import FAINT, HEAT, INK, note, picture

PER_ROW = 3

LETTERS_A_TASK = 6
"""Of a title over the columns of a matrix."""

MOST_LINES = 4
"""Of a title."""


def draw_matrix(matrix: Sequence[Sequence[float | None]], title: str, path: Path) -> Path:
    """Draw R[i, j], the accuracy on task j after learning task i, as PNG, and return the path.

    Args:
        matrix: percent, one row per task learned; None where a task is not learned yet.
        title: name of the run.
        path: the picture to write.
    """
    size = 1.9 + 0.42 * len(matrix[0])
    with picture(path, size + 0.6, size, pdf=False) as (figure, (axes,)):
        image = fill_matrix(axes, matrix, title)
        figure.colorbar(image, ax=axes, shrink=0.75, label="percent").outline.set_edgecolor(FAINT)
    return path


def draw_matrices(matrices: dict[str, NDArray[np.float64]], path: Path, about: str) -> Path:
    """Draw several accuracy matrices with a common scale, by name; return the path."""
    columns = min(PER_ROW, len(matrices))
    rows = -(-len(matrices) // columns)
    tasks = max(np.shape(matrix)[1] for matrix in matrices.values())
    side = 1.0 + 0.34 * tasks  # inches
    lines = max(len(_wrapped(name, tasks)) for name in matrices)
    height = rows * (side + 0.15 + 0.2 * lines) + 0.6
    with picture(path, columns * side + 1, height, columns, rows) as (figure, panels):
        for place, (name, matrix) in enumerate(matrices.items()):
            image = fill_matrix(panels[place], matrix, name)
            panels[place].set_xlabel("accuracy on task" if place >= len(matrices) - columns else "")
            panels[place].set_ylabel("after learning task" if place % columns == 0 else "")
        for axes in panels[len(matrices) :]:
            axes.set_visible(False)
        bar = figure.colorbar(image, ax=panels, shrink=0.6, label="accuracy, percent")
        bar.outline.set_edgecolor(FAINT)
        note(figure, about)
    return path


def fill_matrix(axes: Axes, matrix: Any, title: str) -> AxesImage:
    """Draw an accuracy matrix into axes; return its image."""
    values = np.array(matrix, dtype=float)  # None becomes NaN
    image = axes.imshow(values, cmap=HEAT, vmin=0, vmax=100)
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if value > 55 else INK
            text = f"{value:.0f}"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    tasks = [str(task + 1) for task in range(values.shape[1])]
    axes.set_xticks(range(values.shape[1]), tasks)
    axes.set_yticks(range(values.shape[0]), tasks[-values.shape[0] :])
    axes.set_xlabel("accuracy on task")
    axes.set_ylabel("after learning task")
    axes.set_title("\n".join(_wrapped(title, values.shape[1])))
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return image


def _wrapped(title: str, tasks: int) -> list[str]:
    """Return a title's lines: wider than the axes, it would leave them no room."""
    width = max(20, LETTERS_A_TASK * tasks)
    return textwrap.wrap(title, width, max_lines=MOST_LINES, placeholder=" …")
