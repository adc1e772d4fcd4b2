"""FAA against the bytes of the memory, and what no other way beats in FAA, bytes and seconds.

Reads    results/bytes
Writes   README.md, tables and figures beside its tables, and prints the table
Run      python analysis/bytes.py [--results DIR]
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from charon.report.cases import (
    METHOD,
    Case,
    cases_of,
    name_by_difference,
    preset_of,
    usual_values,
)
from charon.report.chart import draw_lines
from charon.report.command import show
from charon.report.names import in_units
from charon.report.pareto import is_dominated
from charon.report.results import Results
from charon.report.style import note, picture
from charon.report.summary import FIGURES, summarise
from charon.report.tables import Table, markdown_table, plus_minus

FAA, BYTES, EXTRA, SECONDS = (
    "test/faa",
    "memory/bytes",
    "memory/extra_bytes",
    "time/train_seconds",
)
BUDGET = "learner.buffer_bytes"
TENTH = 1.1


def describe(results: Results) -> str:
    """Draw FAA over bytes, name the front, and write what every study gets."""
    cases = [case for case in named(cases_of(results)) if not case.runs.empty]
    path = results.folder / "bytes.png"
    by_method = [
        case for case in cases if case.name.count(",") == 1 or preset_of(case.values) == "compact"
    ]
    stored = [c for c in cases if c.values[METHOD] == "CHARON"]
    panels = {"By method": by_method, "CHARON, by how clips are stored": stored}
    with picture(path, 11, 5.6, columns=2) as (figure, axes):
        for (title, shown), panel in zip(panels.items(), axes, strict=True):
            ways = [
                replace(c, values={METHOD: c.name.rpartition(", ")[0], BUDGET: c.values[BUDGET]})
                for c in shown
            ]
            draw_lines(panel, ways, BUDGET, FAA)
            panel.set_title(title)
            panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=8)
        note(figure, results.provenance)
    front = [case for case in cases if is_on_front(case, cases)]
    table = markdown_table(*front_table(front))
    text = "## What no other way beats in FAA, bytes and seconds of training together\n\n" + table
    figures = {"bytes": "FAA against the bytes of the memory", **FIGURES}
    return summarise(results, text, cases=named(cases_of(results)), figures=figures)


def named(cases: Sequence[Case]) -> list[Case]:
    """Return the cases by method, how clips are stored, and bytes."""
    ways = [{n: v for n, v in case.values.items() if n != BUDGET} for case in cases]
    names = [name_by_difference(way, usual_values(ways)) for way in ways]
    return [
        replace(case, name=f"{name}, {_kilobytes(case.values[BUDGET])}")
        for case, name in zip(cases, names, strict=True)
    ]


def is_on_front(case: Case, cases: Sequence[Case]) -> bool:
    """Whether no other case has as much FAA at as few bytes and seconds, by the means."""
    return not is_dominated(_keys(case), [_keys(other) for other in cases])


def _keys(case: Case) -> tuple[float, float, int]:
    """Return FAA, the bytes allowed, and seconds: those within about a tenth count as equal."""
    steps = round(math.log(case.runs[SECONDS].mean(), TENTH))
    return case.runs[FAA].mean(), -case.values[BUDGET], -steps


def front_table(front: Sequence[Case]) -> Table:
    """Return the front's cases, from the fewest bytes to the most."""
    rows = []
    for case in sorted(front, key=lambda case: case.values[BUDGET]):
        faa, held = case.runs[FAA], case.runs[BYTES] + case.runs.get(EXTRA, 0)
        spread = plus_minus(faa.mean(), faa.std())
        seconds = case.runs[SECONDS].mean()
        rows.append([case.name, spread, f"{in_units(BYTES, held.mean()):.1f}", f"{seconds:.1f}"])
    return ["case", "FAA %", "memory and beside it, kB", "training, s"], rows


def _kilobytes(number: float) -> str:
    return f"{in_units(BUDGET, number):.1f} kB"


if __name__ == "__main__":
    show(describe, "bytes")
