"""FAA with each switch of the released code, and its difference to the paper's, seed by seed.

Reads    results/fidelity/{study.json,trials.csv,curves.csv}
Writes   fidelity.png beside them, and prints the table
Run      python analysis/fidelity.py [--results DIR]
"""

from collections.abc import Mapping

import pandas as pd

from charon.report.command import show
from charon.report.style import BLUE, QUIET, note, picture
from charon.report.tables import Results, plus_minus, text_table

FAA, FORGETTING = "test/faa", "test/forgetting"
PAPER, ALL = "paper", "all of them"


def describe(results: Results) -> str:
    """Draw the figure and return the table."""
    finished = results.finished
    switches = [name for name in results.study.varied if name in finished]
    if finished.empty:
        return "No run has finished yet, so there is nothing to show."
    plain = {name: finished[name].mode(dropna=False)[0] for name in switches}
    groups = {
        _name(dict(zip(switches, setting, strict=True)), plain): runs.set_index("seed")
        for setting, runs in finished.groupby(switches, sort=False, dropna=False)
    }
    if PAPER not in groups:
        return "No run of the paper's own setting has finished yet, so there is nothing to compare."
    worth = {name: (runs[FAA] - groups[PAPER][FAA]).dropna() for name, runs in groups.items()}
    _draw(results, {name: by_seed for name, by_seed in worth.items() if name != PAPER})
    rows = [
        [
            name,
            plus_minus(runs[FAA].mean(), runs[FAA].std()),
            plus_minus(runs[FORGETTING].mean(), runs[FORGETTING].std()),
            "–" if name == PAPER else _signed(worth[name]),
            str(len(runs)),
        ]
        for name, runs in groups.items()
    ]
    return text_table(["switched to the released code", "FAA %", "forgetting", "worth", "n"], rows)


def _name(setting: Mapping[str, object], plain: Mapping[str, object]) -> str:
    """Name the fields in which a run differs from the paper's setting, which most runs share."""
    other = {name: value for name, value in setting.items() if value != plain[name]}
    if not other:
        return PAPER
    if len(other) == 1:
        return "".join(f"{name} = {value}" for name, value in other.items())
    left_out = [name for name in setting if name not in other]
    return ALL if not left_out else f"{ALL} but {', '.join(left_out)}"


def _signed(by_seed: pd.Series) -> str:
    """Return the mean difference and its spread over seeds; ``same`` if no seed differs."""
    if (by_seed == 0).all():
        return "same"
    sign = "+" if by_seed.mean() > 0 else ""
    return sign + plus_minus(by_seed.mean(), by_seed.std())


def _draw(results: Results, worth: Mapping[str, pd.Series]) -> None:
    height = 0.6 + 0.32 * max(4, len(worth))
    with picture(results.folder / "fidelity.png", 7.6, height) as (figure, (axes,)):
        axes.axvline(0, color=QUIET, linewidth=1)
        for row, by_seed in enumerate(worth.values()):
            rows = [-row] * len(by_seed)
            axes.scatter(by_seed.mean(), -row, s=46, color=BLUE)
            axes.scatter(by_seed, rows, s=12, color=BLUE, alpha=0.45, linewidths=0)
        axes.set_yticks([-row for row in range(len(worth))], list(worth))
        axes.set_xlabel("FAA with the switch - FAA without, percentage points")
        note(figure, f"{results.provenance}; large: mean over seeds, small: single seeds")


if __name__ == "__main__":
    show(describe, "fidelity")
