"""One look for all figures: paper-sized, colour-blind safe, readable in print."""

import textwrap
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

INK = "#1f2933"
QUIET = "#616e7c"
FAINT = "#9aa5b1"
BLUE, ORANGE, GREEN, RED, PURPLE, TEAL = (
    "#2f6db5",
    "#d9822b",
    "#3f9142",
    "#c23b4b",
    "#7a5ba8",
    "#1f8a8c",
)
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, TEAL)

HEAT = LinearSegmentedColormap.from_list("charon_heat", ["#f7fafc", "#a9cbe8", BLUE, "#16375f"])
"""White to dark blue: accuracies from 0 to 100."""
RAMP = LinearSegmentedColormap.from_list("charon_ramp", ["#12436d", "#28a197", "#f0a63a"])
"""Ordered values of a setting, such as the masking ratio from 0 to 1."""

SETTINGS: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e7eb",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "lines.linewidth": 2,
    "lines.markersize": 5,
    "legend.frameon": False,
    "savefig.dpi": 160,
    "svg.fonttype": "none",
}


NOTE_LETTERS = 17
"""Of a note that fit an inch."""


def styled() -> AbstractContextManager[None]:
    """Use the house's look inside the block, in which a figure is made, drawn and saved."""
    return matplotlib.rc_context(SETTINGS)


def new_figure(
    width: float, height: float, columns: int = 1, rows: int = 1
) -> tuple[Figure, list[Axes]]:
    """Return a figure of ``width`` by ``height`` inches and its axes, row by row.

    No display is needed.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def note(figure: Figure, text: str) -> None:
    """Write small lines below a figure, broken at its width: what the data are."""
    width = int(NOTE_LETTERS * figure.get_figwidth())
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, width)]
    figure.supxlabel("\n".join(lines), fontsize=7.5, color=QUIET, x=0.01, ha="left")
