"""How the pictures of a search mark the winner and the paper's setting."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from charon.report.search.results import Found
from charon.report.style import GREEN, ORANGE

RING: dict[str, Any] = {"s": 130, "edgecolors": ORANGE, "linewidths": 1.8, "label": "the winner"}
DIAMOND: dict[str, Any] = {
    "s": 80,
    "marker": "D",
    "edgecolors": GREEN,
    "linewidths": 1.5,
    "label": "the paper's setting",
}


def mark(axes: Axes, found: Found, trials: pd.DataFrame, x: ArrayLike, y: ArrayLike) -> None:
    """Draw a ring about the winner and a diamond about the paper's setting, if they are there.

    Args:
        axes: to draw into.
        found: whose winner.
        trials: that are drawn.
        x: where each of them is drawn.
        y: the same, upwards.
    """
    for trial_id, look in ((found.winner, RING), (found.selection["paper_id"], DIAMOND)):
        is_it = (trials["trial_id"] == trial_id).to_numpy()
        if is_it.any():
            axes.scatter(
                np.asarray(x)[is_it], np.asarray(y)[is_it], facecolors="none", zorder=4, **look
            )
