"""Cases of a study: runs that differ in nothing but what is repeated, named by what else varies."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from charon.presets import PRESETS
from charon.report.names import METHODS, UNITS, field_text, method_of, short_title
from charon.report.results import Results

METHOD = "method"
"""Column of a run's method, which stands for its learner and, for JT, its stream."""


MANY_FIELDS = 4
"""Fields above which a case is named by what differs from the usual values."""

SIZES = ("learner.buffer_size", "learner.buffer_bytes")
"""Fields of the memory's size, of whose values none is usual."""

ALWAYS = (METHOD, *SIZES)
"""Fields that a case's name says in full, where they are unusual."""

BASE = "base"
"""Name of the case with the usual values, where cases are named by their difference.

Of several sizes of the memory there is none of that name."""


@dataclass(frozen=True)
class Case:
    """A configuration with its runs.

    Attributes:
        values: by varied field; None where its method lacks the field.
        name: the values as a reader knows them, such as ``"ER, s = 5"``.
        runs: that finished.
        num_planned: runs of it that there are, finished or not.
    """

    values: dict[str, Any]
    name: str
    runs: pd.DataFrame
    num_planned: int


def varied_fields(results: Results) -> list[str]:
    """Return the fields whose values differ between the study's trials, but for the seed.

    The method stands for the learner, and for the stream where that is what makes it JT.
    """
    return varied_among(with_methods(results.trials), results.study.varied)


def varied_among(trials: pd.DataFrame, declared: Sequence[str]) -> list[str]:
    """Return the fields whose values differ between trials with methods, of those declared."""
    fields = [METHOD if name == "learner" else name for name in ("learner", *declared)]
    varied = [
        name
        for name in dict.fromkeys(fields)
        if name != "seed" and name in trials and trials[name].nunique(dropna=False) > 1
    ]
    return without_stream(varied, trials)


def without_stream(varied: list[str], trials: pd.DataFrame) -> list[str]:
    """Return the fields without the stream, where it is what makes a method JT and no more."""
    stream = "data.stream"
    if stream in varied and trials.groupby(METHOD)[stream].nunique().max() == 1:
        return [name for name in varied if name != stream]
    return varied


def with_methods(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials with a column of their methods."""
    methods = [method_of(fields) for fields in trials.to_dict("records")]
    return trials.assign(**{METHOD: methods})


def cases_of(results: Results) -> list[Case]:
    """Return the cases of a study in the order in which it has them."""
    return grouped(with_methods(results.trials), varied_fields(results))


def grouped(trials: pd.DataFrame, fields: Sequence[str]) -> list[Case]:
    """Return the cases of trials with methods, in the order of their first trials.

    Where more than a few fields vary, cases are named by what differs from the usual values.
    """
    groups: list[tuple[Any, pd.DataFrame]] = [((), trials)]
    if fields:
        groups = list(trials.groupby(list(fields), sort=False, dropna=False))
    values = [
        {n: None if value != value else value for n, value in zip(fields, key, strict=True)}
        for key, _ in groups
    ]
    usual = usual_values(values)
    cases = []
    for its, (_, group) in zip(values, groups, strict=True):
        is_plain = len(fields) <= MANY_FIELDS
        name = case_name(its, group) if is_plain else name_by_difference(its, usual)
        finished = group[group["status"] == "finished"]
        cases.append(Case(its, name, finished, len(group)))
    return cases


def usual_values(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the most common value of each field; of those as common, the first.

    Of several sizes of the memory it is None: which it is must be said of each case.
    """
    fields = values[0] if values else {}
    usual = {name: Counter(v[name] for v in values).most_common(1)[0][0] for name in fields}
    sizes = [name for name in SIZES if name in fields]
    known = {(name, v[name]) for v in values for name in sizes if v[name] is not None}
    return usual | dict.fromkeys(sizes if len(known) > 1 else ())


def name_by_difference(values: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    """Return the method, where methods vary, and what differs from the usual values.

    Of many fields, what little does not differ is said instead, after the method and the size of
    the memory; a preset by its name. What another method lacks is not among it.
    """
    is_usual = values.get(METHOD) == usual.get(METHOD)
    there = [name for name, value in values.items() if is_usual or value is not None]
    other = [name for name in there if values[name] != usual[name] or name == METHOD]
    if not other:
        return BASE
    preset = preset_of(values)
    if not set(other).isdisjoint(PRESETS[preset]):
        other = [name for name in other if name not in PRESETS[preset]]
        return ", ".join([*(assignment(name, values[name]) for name in other), preset])
    if len(set(other) - {*ALWAYS}) <= MANY_FIELDS:
        return ", ".join(assignment(name, values[name]) for name in other)
    parts = [assignment(name, values[name]) for name in ALWAYS if name in other]
    same = [name for name in there if name not in (*other, *ALWAYS)]
    rest = "all of them" if not same else f"all but {', '.join(map(short_title, same))}"
    return ", ".join([*parts, rest])


def preset_of(values: Mapping[str, Any]) -> str:
    """Return the preset whose fields are all among a case's, with its values where it has them.

    ``"paper"``, which sets none, if there is no other.
    """
    for preset, fields in PRESETS.items():
        are_known = fields and fields.keys() <= values.keys()
        if are_known and all(values[name] in (None, value) for name, value in fields.items()):
            return preset
    return "paper"


def case_name(values: Mapping[str, Any], runs: pd.DataFrame) -> str:
    """Return a name for people: the method first, then fields by their symbols."""
    parts = [str(values[METHOD])] if METHOD in values else []
    for name, value in values.items():
        if name != METHOD and value is not None:
            parts.append(assignment(name, value))
    return ", ".join(parts) or method_of(runs.iloc[0].to_dict())


def assignment(field: str, value: object) -> str:
    """Return a field with its value, such as ``"s = 5"``; a bare word of a known field."""
    if field in ("data.benchmark", METHOD):
        return str(value)
    unit = f" {UNITS[field][1]}" if field in UNITS else ""
    return f"{short_title(field)} = {field_text(field, value)}{unit}"


def method_order(name: str) -> int:
    """Return the place of a method in the paper's table; unknown ones come last."""
    known = list(METHODS.values())
    return known.index(name) if name in known else len(known)
