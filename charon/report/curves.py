"""Curves over tasks: how the mean accuracy falls as tasks arrive."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator


def draw_curves(axes: Axes, curves: Mapping[str, pd.Series], colours: Mapping[str, Any]) -> None:
    """Draw one line a setting.

    Args:
        axes: where.
        curves: by label, the value at each number of tasks seen (the index).
        colours: by label.
    """
    for label, curve in curves.items():
        axes.plot(
            curve.index,
            curve.to_numpy(),
            marker="o",
            markersize=3.5,
            color=colours[label],
            label=label,
        )
    axes.set_xlabel("tasks seen")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
