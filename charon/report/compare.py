"""Comparison of cases, of one study or of several: paired by identity, corrected for their number.

Runs are a pair if they have the same seed, class order, protocol and data. Where fields are
left out of the comparison, runs of a pair agree in them too, and count as one by their mean;
where class orders are, so do the runs of an order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from charon.errors import ConfigError
from charon.report.cases import (
    MANY_FIELDS,
    METHOD,
    Case,
    assignment,
    grouped,
    usual_values,
    with_methods,
    without_stream,
)
from charon.report.names import (
    field_text,
    field_title,
    in_units,
    metric_title,
    number_text,
)
from charon.report.pairs import DATA, PAIRED, by_pair, has_several_orders, independent
from charon.report.results import Results
from charon.report.significance import Difference, corrected, difference_of, runs_needed
from charon.report.statistics import ENOUGH_FOR_INTERVAL, mean_of, number_or_none
from charon.report.tables import plus_minus, text_table
from charon.settings import did_you_mean
from charon.text import counted

STUDY = "study"

SEED_AND_PLACE = ("seed", "data.path", "device")
"""Fields that never make a case of their own."""

PROVENANCE = {
    "code": "code",
    "mlflow.source.git.commit": "commit",
    DATA: "data",
    "protocol": "protocol",
    "versions": "versions",
    "preset": "preset",
}


@dataclass(frozen=True)
class Compared:
    """A case beside the reference.

    Attributes:
        case: with its runs.
        difference: to the reference, in the metric's unit; None for the reference itself.
        of: number of comparisons that are made.
        over_orders: whether each pair is a class order, by the mean of its seeds.
        over_fields: whether runs that differ in fields left out count as one, by their mean.
    """

    case: Case
    difference: Difference | None
    of: int = 1
    over_orders: bool = False
    over_fields: bool = False

    @property
    def verdict(self) -> str:
        """A word or a sentence, by the corrected p below 0.05."""
        return "the reference" if self.difference is None else verdict(self.difference, self.of)


@dataclass(frozen=True)
class Comparison:
    """Cases beside a reference.

    Attributes:
        metric: that was compared.
        provenance: by kind, such as ``"code"``: a value for each study.
        fields: by varied field: the values there are.
        rows: the reference first.
        studies: names of the results.
        usual: by field that tells cases apart, its most common value.
    """

    metric: str
    provenance: dict[str, list[str]]
    fields: dict[str, list[Any]]
    rows: list[Compared]
    studies: list[str]
    usual: dict[str, Any]


def verdict(difference: Difference, comparisons: int = 1) -> str:
    """Return what a paired difference shows, and what it would take where it shows nothing."""
    apart = difference.apart
    if apart.n == 0:
        return "no pair: no seed, class order, protocol and data in common"
    if apart.n == 1:
        return "one pair shows nothing"
    if apart.std == 0 and apart.mean == 0:
        return "the same"
    if difference.is_decided:
        return "higher" if apart.mean > 0 else "lower"
    needed = runs_needed(apart.mean, apart.std, comparisons)
    if needed is None:
        return "undecided"
    more = counted(max(1, needed - apart.n), "more pair")
    return f"undecided; about {more} would show a difference this large"


def compare(
    studies: Sequence[Results],
    metric: str | None = None,
    by: Sequence[str] | None = None,
    against: str | None = None,
) -> Comparison:
    """Compare the cases of studies.

    Args:
        studies: at least one.
        metric: the first study's first objective if None.
        by: fields that tell cases apart; all that vary if None.
        against: name of the reference; the first case if None.

    Raises:
        ConfigError: a metric, field or reference is unknown, or there is nothing to compare.
    """
    metric = metric or studies[0].study.objectives[0]
    trials = _together(studies)
    if metric not in trials:
        known = [name for name in map(str, trials) if "/" in name]
        if not known:
            raise ConfigError("There is nothing to compare: no run has finished a task.")
        raise ConfigError(f"No run has the metric {metric!r}; {did_you_mean(metric, known)}")
    varied = _varied(trials)
    for name in by or ():
        if name not in varied:
            known = varied or ["nothing"]
            raise ConfigError(f"The runs do not differ in {name!r}; {did_you_mean(name, known)}")
    cases = grouped(trials, list(by or varied))
    names = [case.name for case in cases]
    if len(cases) < 2:
        only = "no run has finished" if trials.empty else f"all finished runs are {names[0]}"
        raise ConfigError(f"There is nothing to compare: {only}.")
    if against is not None and against not in names:
        raise ConfigError(f"No case is called {against!r}; {did_you_mean(against, names)}")
    reference = cases[names.index(against) if against else 0]
    others = [case for case in cases if case is not reference]
    kept = [name for name in varied if name not in (by or varied)]
    pairs = [_pairs(case, reference, kept, metric) for case in others]
    differences = corrected([difference_of(*map(independent, sides)) for sides in pairs])
    number = sum(one.apart.n > 1 for one in differences)
    rows = [Compared(reference, None)]
    for case, difference, (its, _) in zip(others, differences, pairs, strict=True):
        orders = has_several_orders(its)
        fields_too = not orders and len(its) > difference.apart.n
        rows.append(Compared(case, difference, number, orders, fields_too))
    fields = {name: list(trials[name].unique()) for name in varied}
    usual = usual_values([case.values for case in cases])
    names = [results.folder.name for results in studies]
    return Comparison(metric, _provenance(studies), fields, rows, names, usual)


def _together(studies: Sequence[Results]) -> pd.DataFrame:
    """Return the finished trials of all studies, with their study and data as columns."""
    frames = []
    for place, results in enumerate(studies):
        name = results.folder.name
        if [other.folder.name for other in studies].count(name) > 1:
            name = f"{name} ({place + 1})"
        more = {STUDY: name, DATA: results.tags.get(DATA, name)}
        frames.append(with_methods(results.finished).assign(**more))
    return pd.concat(frames, ignore_index=True)


def _varied(trials: pd.DataFrame) -> list[str]:
    """Return the fields in which runs differ; the study itself, where nothing else tells apart."""
    fields = [name for name in map(str, trials) if "." in name and "/" not in name]
    fields = [METHOD, *(name for name in fields if name not in SEED_AND_PLACE)]
    varied = [name for name in fields if trials[name].nunique() > 1]
    varied = without_stream(varied, trials)
    pairs = [name for name in PAIRED if name in trials]
    repeated = trials.duplicated([*dict.fromkeys([*varied, *pairs])]).any()
    return [STUDY, *varied] if repeated and trials[STUDY].nunique() > 1 else varied


def _pairs(
    case: Case, reference: Case, kept: list[str], metric: str
) -> tuple[pd.Series, pd.Series]:
    """Return a case's and the reference's values where there are both; ``kept`` fields agree."""
    first, second = (
        in_units(metric, by_pair(side.runs, metric, kept)) for side in (case, reference)
    )
    both = first.index.intersection(second.index)
    return first.loc[both], second.loc[both]


def _provenance(studies: Sequence[Results]) -> dict[str, list[str]]:
    return {
        title: [results.tags.get(name, "unknown") for results in studies]
        for name, title in PROVENANCE.items()
    }


def describe(comparison: Comparison) -> str:
    """Return the comparison as text: first what differs, then the table with a verdict a row."""
    lines = ["What differs"]
    for name, values in comparison.fields.items():
        lines.append(f"  {field_title(name)}: {', '.join(field_text(name, v) for v in values)}")
    for title, values in comparison.provenance.items():
        if len(set(values)) > 1:
            pairs = zip(comparison.studies, values, strict=True)
            lines.append(f"  {title}: " + ", ".join(f"{study} {value}" for study, value in pairs))
    same = [title for title, values in comparison.provenance.items() if len(set(values)) == 1]
    lines += [f"The same: {', '.join(same)}." if same else "", ""]
    unit = metric_title(comparison.metric)
    header = ["case", unit, "runs", "difference", "95 % interval", "p", "higher in", "pairs"]
    table = text_table(header, [_row(row, comparison.metric) for row in comparison.rows])
    head, rule, *rows = table.splitlines()
    width = max(map(len, [head, *rows]))
    verdicts = [row.verdict for row in comparison.rows]
    lines += [head, rule]
    lines += [f"{row.ljust(width)}  {word}" for row, word in zip(rows, verdicts, strict=True)]
    return "\n".join([*lines, "", *_explained(comparison)])


def _explained(comparison: Comparison) -> Iterator[str]:
    """Yield sentences that say what the columns are, as far as it is not plain."""
    others = comparison.rows[1:]
    number = others[0].of
    p = f"p corrected for {number} comparisons (Holm)" if number > 1 else "p of a paired t-test"
    yield f"Paired differences to {comparison.rows[0].case.name}; Student's t; {p}."
    if number > 1:
        yield "Each interval is of its own comparison alone; the verdict goes by the corrected p."
    compared = [row.difference for row in others if row.difference is not None]
    if any(one.wins * one.apart.n % 1 for one in compared if one.apart.n):
        yield "Pairs that are equal count half as higher."
    if any(row.over_orders for row in others):
        yield "A pair is a class order, its seeds averaged."
    if any(row.over_fields for row in others):
        yield "Runs of a pair that differ in what is not compared count as one, by their mean."
    if len(comparison.usual) > MANY_FIELDS:
        told = [assignment(n, v) for n, v in comparison.usual.items() if v is not None]
        yield f"Unless its name says otherwise, a case has {', '.join(told)}."


def _row(row: Compared, metric: str) -> list[str]:
    mean = mean_of(in_units(metric, row.case.runs[metric]).tolist())
    cells = [row.case.name, plus_minus(mean.mean, mean.std), str(mean.n)]
    if row.difference is None:
        return [*cells, *["–"] * 5]
    apart, p = row.difference.apart, row.difference.adjusted
    return [
        *cells,
        f"{apart.mean:+.1f}" if apart.n else "–",
        f"{apart.low:+.1f} to {apart.high:+.1f}" if apart.n >= ENOUGH_FOR_INTERVAL else "–",
        "< 0.001" if p < 0.001 else number_text(p, 3),
        f"{100 * row.difference.wins:.0f} %" if apart.n else "–",
        str(apart.n),
    ]


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison for scripts; numbers that are not known are None."""
    return {
        "metric": comparison.metric,
        "studies": comparison.studies,
        "provenance": comparison.provenance,
        "fields": {
            name: [None if value != value else value for value in values]
            for name, values in comparison.fields.items()
        },
        "rows": [_row_as_json(row, comparison.metric) for row in comparison.rows],
    }


def _row_as_json(row: Compared, metric: str) -> dict[str, Any]:
    mean = mean_of(in_units(metric, row.case.runs[metric]).tolist())
    content: dict[str, Any] = {
        "case": row.case.name,
        "values": row.case.values,
        "mean": number_or_none(mean.mean),
        "std": number_or_none(mean.std),
        "runs": mean.n,
        "verdict": row.verdict,
    }
    if row.difference is not None:
        apart = row.difference.apart
        content["difference"] = {
            "mean": number_or_none(apart.mean),
            "low": number_or_none(apart.low),
            "high": number_or_none(apart.high),
            "p": number_or_none(row.difference.p),
            "p_adjusted": number_or_none(row.difference.adjusted),
            "wins": number_or_none(row.difference.wins),
            "pairs": apart.n,
        }
    return content
