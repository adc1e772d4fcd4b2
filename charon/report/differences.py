"""The picture of paired differences to a reference."""

from pathlib import Path

from charon.report.chart import SINGLE_RUNS
from charon.report.compare import Comparison
from charon.report.names import metric_name
from charon.report.style import BLUE, FAINT, INK, QUIET, note, picture


def draw_differences(
    comparison: Comparison, path: Path, about: str, margin: float | None = None
) -> Path:
    """Draw each case's difference to the reference; return the path.

    Args:
        comparison: its rows from top to bottom.
        path: of the picture.
        about: what the numbers were measured on.
        margin: points within which cases count as equal, shaded.
    """
    rows = [row for row in comparison.rows if row.difference is not None]
    with picture(path, 7.6, 1.3 + 0.32 * max(3, len(rows))) as (figure, (axes,)):
        axes.axvline(0, color=QUIET, linewidth=1)
        if margin is not None:
            axes.axvspan(-margin, margin, color=FAINT, alpha=0.25, linewidth=0)
        for place, row in enumerate(rows):
            assert row.difference is not None
            apart, values = row.difference.apart, row.difference.values
            if apart.n > 1:
                axes.errorbar(apart.mean, place, xerr=apart.bar, capsize=3, fmt="o", color=BLUE)
            axes.scatter(values, [place] * len(values), color=INK, zorder=3, **SINGLE_RUNS)
        axes.set_yticks(range(len(rows)), [row.case.name for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        reference = comparison.rows[0].case.name
        axes.set_xlabel(f"{metric_name(comparison.metric)} minus that of {reference}, points")
        shaded = "" if margin is None else f"; shaded: within {margin:g} points"
        large = "large: mean, of three pairs or more with its 95 % interval"
        note(figure, f"{about}\n{large}; small: single pairs{shaded}")
    return path
