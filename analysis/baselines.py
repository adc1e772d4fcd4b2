"""Table 1: every method's FAA and memory, and whether they stand in the order expected.

Reads    results/baselines
Writes   README.md, tables and figures beside its tables, and prints the table
Run      python analysis/baselines.py [--results DIR]
"""

from collections.abc import Sequence

from charon.report.cases import METHOD, Case, case_name, cases_of, method_order
from charon.report.command import show
from charon.report.results import Results
from charon.report.summary import summarise

FAA, PROTOCOL = "test/faa", "data.benchmark"
MEMORY = ("memory/bytes", "memory/extra_bytes", "model/parameters")
FT, JT = "FT", "JT"
MORE = 2.0
"""Points beyond which one mean is called above another."""


def describe(results: Results) -> str:
    """Write what every study gets, in the order of the paper's table, and what is unexpected."""
    cases = sorted(cases_of(results), key=lambda case: method_order(case.values.get(METHOD, "")))
    return summarise(results, *findings(cases), cases=cases, metrics=MEMORY)


def findings(cases: Sequence[Case]) -> list[str]:
    """Return a sentence for each method that does not stand as expected.

    Expected: FT knows its last task alone, JT is best, all others are between them.
    """
    sentences = []
    protocols = dict.fromkeys(case.values.get(PROTOCOL) for case in cases)
    for protocol in protocols:
        its = [c for c in cases if c.values.get(PROTOCOL) == protocol and not c.runs.empty]
        where = f"{protocol}: " if len(protocols) > 1 else ""
        bounds = {c.values.get(METHOD): c for c in its if c.values.get(METHOD) in (FT, JT)}
        lower, upper = (bounds[m].runs[FAA].mean() if m in bounds else None for m in (FT, JT))
        if FT in bounds:
            sentences.append(where + _what_is_left(bounds[FT]))
        for case in its:
            faa = case.runs[FAA].mean()
            values = {name: value for name, value in case.values.items() if name != PROTOCOL}
            name = case_name(values, case.runs)
            if case.values.get(METHOD) in (FT, JT):
                continue
            if upper is not None and faa > upper:
                sentences.append(
                    f"{where}Not as expected: {name}, {faa:.1f} %, is above JT, {upper:.1f} %."
                )
            if lower is not None and faa < lower + MORE:
                sentences.append(
                    f"{where}Not as expected: {name}, {faa:.1f} %, is not above FT, "
                    f"{lower:.1f} %, by {MORE:g} points."
                )
    return sentences


def _what_is_left(case: Case) -> str:
    """Say how much of its last task fine-tuning knows, and of those before it."""
    tasks = [str(name) for name in case.runs if str(name).startswith("test/acc/task_")]
    known = case.runs[tasks].dropna(axis="columns").mean()
    return (
        f"FT knows {known.iloc[-1]:.1f} % of its last task and {known.iloc[:-1].mean():.1f} % of "
        f"the {len(known) - 1} before it."
    )


if __name__ == "__main__":
    show(describe, "baselines")
