"""A study's cases beside the published values, with a verdict of equivalence."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from charon.report.cases import Case, cases_of
from charon.report.paper.published import Published, published, why_not_comparable
from charon.report.predictions import recomputed_faa
from charon.report.results import Results
from charon.report.statistics import Mean, equivalence, mean_of, runs_needed
from charon.report.summary import MADE_FROM, fingerprint_of

MARGIN = 2.0
"""Points of FAA within which a reproduction counts as equal."""

TOLERANCE = 1e-3
"""Points by which a recomputed FAA may differ from the one recorded."""


def faa_of(run: Mapping[Hashable, Any]) -> float:
    """Return the FAA that a trial recorded, of a search on validation clips; NaN without one."""
    return float(run.get(f"{run.get('data.evaluate_on', 'test')}/faa", math.nan))


@dataclass(frozen=True)
class Row:
    """A case of a study, as the page shows it.

    Attributes:
        case: with its runs.
        faa: recomputed from the runs' predictions where they left them.
        recomputed: runs whose FAA was recomputed.
        disagree: names of the runs whose predictions give another FAA than was recorded.
        published: what the paper has for it; None where it has nothing or does not compare.
    """

    case: Case
    faa: Mean
    recomputed: int
    disagree: list[str]
    published: Published | None

    @property
    def verdict(self) -> str:
        """Whether the published value lies within ±2 points; empty without one."""
        if self.published is None:
            return ""
        apart = Mean(self.faa.mean - self.published.mean, self.faa.std, self.faa.half, self.faa.n)
        verdict = equivalence(apart, MARGIN)
        if verdict != "undecided":
            return f"{verdict} ±{MARGIN:g} points"
        room = MARGIN - abs(apart.mean)
        needed = runs_needed(room, apart.std) if room > 0 else None
        return "undecided" + (f"; about {needed} runs would decide" if needed else "")


def rows_of(results: Results) -> list[Row]:
    """Return a study's cases with finished runs, beside what the paper has for them."""
    comparable = not why_not_comparable(results)
    rows = []
    for case in cases_of(results):
        if case.runs.empty:
            continue
        values, again, disagree = [], 0, []
        for run in case.runs.to_dict("records"):
            new = recomputed_faa(results.folder, str(run["name"]))
            values.append(faa_of(run) if new is None else new)
            again += new is not None
            if new is not None and abs(new - faa_of(run)) > TOLERANCE:
                disagree.append(str(run["name"]))
        found = None
        if comparable:
            fields = {str(name): value for name, value in case.runs.iloc[0].items()}
            protocol = fields.get("data.benchmark", "auto")
            fields["protocol"] = results.study.protocol if protocol == "auto" else protocol
            found = published(results.study.name, case.values, fields)
        rows.append(Row(case, mean_of(values), again, disagree, found))
    return rows


def is_stale(results: Results) -> bool:
    """Whether the study's page and figures were made from other tables than there are now."""
    page = results.folder / "README.md"
    if not page.exists():
        return False
    text = page.read_text(encoding="utf-8")
    return MADE_FROM in text and fingerprint_of(results.folder) not in text
