"""The look of all figures: paper-sized, colour-blind safe, readable in print."""

import textwrap
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

INK = "#1f2933"
QUIET = "#616e7c"
FAINT = "#9aa5b1"
BLUE, ORANGE, GREEN, RED, PURPLE, TEAL = (
    "#0072b2",
    "#d98200",
    "#009e73",
    "#b5301a",
    "#b06699",
    "#4ba3d4",
)
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, TEAL)
"""Told apart by colour-blind readers (after Okabe and Ito); markers differ as well."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

HEAT = LinearSegmentedColormap.from_list("charon_heat", ["#f7fafc", "#a9cbe8", BLUE, "#16375f"])
"""White to dark blue: accuracies from 0 to 100."""

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
    "pdf.fonttype": 42,  # text stays text
}

QUICK = 3
"""Level of a PNG's compression: a tenth larger than the usual 6 and half the time."""

NOTE_LETTERS = 17
"""Letters of a note that fit an inch."""


def styled() -> AbstractContextManager[None]:
    """Use this look for figures that are made, drawn and saved inside the block."""
    return matplotlib.rc_context(SETTINGS)


def new_figure(
    width: float, height: float, columns: int = 1, rows: int = 1
) -> tuple[Figure, list[Axes]]:
    """Return a figure of ``width`` by ``height`` inches and its axes; no display is needed."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


@contextmanager
def picture(
    path: Path, width: float, height: float, columns: int = 1, rows: int = 1, *, pdf: bool = True
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a new figure and its axes, saved as ``path`` and as a PDF when the block ends.

    The PDF takes more than half of the time, for its fonts; it can be left out.
    """
    with styled():
        figure, axes = new_figure(width, height, columns, rows)
        yield figure, axes
        figure.savefig(path, pil_kwargs={"compress_level": QUICK})
        if pdf:
            figure.set_layout_engine("none")  # places are found once
            figure.savefig(path.with_suffix(".pdf"), metadata={"CreationDate": None})


def look(place: int) -> dict[str, Any]:
    """Return the colour and the marker of a figure's ``place``-th series, from 0."""
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}


def note(figure: Figure, text: str) -> None:
    """Write small lines below a figure, wrapped at its width."""
    width = int(NOTE_LETTERS * figure.get_figwidth())
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, width)]
    figure.supxlabel("\n".join(lines), fontsize=7.5, color=QUIET, x=0.01, ha="left")
