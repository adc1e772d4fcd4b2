"""The paper's claims as testable sentences, each judged by paired tests.

A claim is a number of contrasts, each a value per pair of runs that is above zero if the claim
is true. It is *held* if all are above zero by a paired t-test at 5 % each, which a claim that is
false passes in at most 2.5 % of studies, however many contrasts it has; *failed* if any is below
zero at 5 % by Holm's correction over the claim's contrasts; and *undecided* otherwise, as where a
part of the contrasts was not run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from charon.report.cases import METHOD, assignment, with_methods
from charon.report.pairs import PAIRED, by_pair, independent
from charon.report.results import Results
from charon.report.significance import Difference, corrected, difference_of, runs_needed

FAA, SPEED = "test/faa", "train/epochs_per_hour"
ETA, S, M = "learner.masking_ratio", "learner.sampling_interval", "learner.buffer_size"
BYTES = "learner.buffer_bytes"
GAMMA, PROBING, STREAM = "learner.gamma", "learner.probing_epochs", "data.stream"
MASKING, POSITION = "learner.masking", "learner.masking_position"

Fields = Mapping[str, Any]
Contrast = Callable[[pd.DataFrame], Iterator[tuple[str, pd.Series]]]
"""From a study's finished runs to named values per pair; none where a side was not run."""


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper that a study can decide.

    Attributes:
        text: the sentence.
        source: section, table or figure.
        study: name of the study whose runs decide it.
        contrasts: what is above zero if it is true.
    """

    text: str
    source: str
    study: str
    contrasts: Contrast


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict on one study's runs.

    Attributes:
        claim: that is judged.
        verdict: ``"held"``, ``"failed"``, ``"undecided"``, or ``"not run"``.
        parts: each contrast by its name; without pairs where it was not run.
    """

    claim: Claim
    verdict: str
    parts: dict[str, Difference] = field(default_factory=dict)

    @property
    def needed(self) -> int | None:
        """About how many pairs in all the contrasts that are open would take."""
        open_ones = [one.apart for one in self.parts.values() if not one.is_decided_alone]
        needed = [runs_needed(one.mean, one.std) for one in open_ones]
        known = [number for number in needed if number is not None]
        return max(known) if known and len(known) == len(needed) else None


def judge(claim: Claim, results: Results) -> Judged:
    """Judge a claim by the finished runs of a study."""
    runs = with_methods(results.finished)
    named = [(name, independent(values.dropna())) for name, values in claim.contrasts(runs)]
    if not any(len(values) for _, values in named):
        return Judged(claim, "not run")
    zeros = [difference_of(values, values * 0) for _, values in named]
    parts = dict(zip([name for name, _ in named], corrected(zeros), strict=True))
    if any(one.is_decided and one.apart.mean < 0 for one in parts.values()):
        verdict = "failed"
    elif all(one.is_decided_alone and one.apart.mean > 0 for one in parts.values()):
        verdict = "held"
    else:
        verdict = "undecided"
    return Judged(claim, verdict, parts)


def select(runs: pd.DataFrame, fields: Fields) -> pd.DataFrame:
    """Return the runs with these values; None is that of runs without one.

    ``"smallest"`` and ``"largest"`` are of those run.
    """
    for name, value in fields.items():
        if name not in runs and value is None:
            continue
        if name not in runs:
            return runs.iloc[:0]
        if value is None:
            runs = runs[runs[name].isna()]
            continue
        if isinstance(value, str) and value in ("smallest", "largest"):
            value = runs[name].min() if value == "smallest" else runs[name].max()
        runs = runs[runs[name] == value]
    return runs


def higher(better: Fields, worse: Fields, where: Fields | None = None) -> Contrast:
    """FAA of ``better`` minus that of ``worse``, under each of ``where``'s values."""

    def contrast(runs: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
        within = select(runs, where or {})
        first, second = (by_pair(select(within, side), FAA) for side in (better, worse))
        at = f" at {describe(where)}" if where else ""
        yield f"{describe(better)} over {describe(worse)}{at}", first - second

    return contrast


def best(name: str, value: Any, where: Fields | None = None) -> Contrast:
    """FAA at a field's value minus that at each of its other values."""

    def contrast(runs: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
        within = select(runs, where or {})
        if name not in within:
            return
        for other in sorted(set(within[name].dropna()) - {value}):
            first, second = (by_pair(select(within, {name: v}), FAA) for v in (value, other))
            yield f"{value:g} over {other:g}", first - second

    return contrast


def grows(metric: str, over: str, where: Fields | None = None) -> Contrast:
    """Slope of a metric over a field, pair by pair, per unit of the field."""

    def contrast(runs: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
        yield f"slope of {metric}", _slopes(select(runs, where or {}), metric, over)

    return contrast


def gain_grows(better: Fields, worse: Fields, over: str, where: Fields) -> Contrast:
    """Slope over a field of what ``better`` has over ``worse``."""

    def contrast(runs: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
        within = select(runs, where)
        slopes = [_slopes(select(within, side), FAA, over) for side in (better, worse)]
        yield "slope of the gain", slopes[0] - slopes[1]

    return contrast


def both(*contrasts: Contrast) -> Contrast:
    """All of several contrasts."""

    def contrast(runs: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
        for one in contrasts:
            yield from one(runs)

    return contrast


def _slopes(runs: pd.DataFrame, metric: str, over: str) -> pd.Series:
    """Return the slope of a metric over a field, by pair; none where its values are all one."""
    if over not in runs or metric not in runs:
        return pd.Series(dtype=float)
    values = by_pair(runs.dropna(subset=[over, metric]), metric, [over]).reset_index(over)
    keys = [name for name in PAIRED if name in runs]
    return values.groupby(level=keys, dropna=False)[[over, metric]].apply(
        lambda its: np.polyfit(its[over], its[metric], 1)[0] if its[over].nunique() > 1 else np.nan
    )


def describe(fields: Fields) -> str:
    """Return fields as a reader names them."""
    known = {name: value for name, value in fields.items() if value is not None}
    return ", ".join(assignment(name, value) for name, value in known.items())


_SMALL, _LARGE = {M: "smallest"}, {M: "largest"}
_CHARON, _DERPP = {METHOD: "CHARON"}, {METHOD: "DER++"}
_EQUAL_FRAMES: Fields = {**_DERPP, BYTES: None}  # the size of the memory is M
_JOINT = {STREAM: "joint"}
_RANDOM_POST = {MASKING: "random", POSITION: "post"}

CLAIMS: Sequence[Claim] = (
    Claim(
        "CHARON is above DER++, the second best, with the small memory",
        "abstract; Sec. 4.2, Table 1",
        "baselines",
        higher(_CHARON, _DERPP, _SMALL),
    ),
    Claim(
        "CHARON is above DER++ with the large memory",
        "Sec. 4.2, Table 1",
        "baselines",
        higher(_CHARON, _DERPP, _LARGE),
    ),
    Claim(
        "iCaRL, ER, DER and DER++ are above Else-Net with the small memory",
        "Sec. 4.2, Table 1",
        "baselines",
        both(
            *(
                higher({METHOD: name}, {METHOD: "Else-Net"}, _SMALL)
                for name in ("iCaRL", "ER", "DER", "DER++")
            )
        ),
    ),
    Claim(
        "CHARON stays below joint training",
        "Table 1",
        "baselines",
        both(*(higher({METHOD: "JT"}, {**_CHARON, **size}) for size in (_SMALL, _LARGE))),
    ),
    Claim("η = 0.3 is best", "Sec. 4.3, Fig. 4 right", "masking_ratio", best(ETA, 0.3, _CHARON)),
    Claim(
        "training gets faster the more is hidden",
        "Sec. 4.3, Fig. 2",
        "masking_ratio",
        grows(SPEED, ETA, _CHARON),
    ),
    Claim(
        "s = 5 is best for DER++",
        "Sec. 4.3, Fig. 4 left",
        "sampling_interval",
        best(S, 5, _EQUAL_FRAMES),
    ),
    Claim(
        "any compression is above whole clips (s = 1) for DER++",
        "Sec. 4.3, Fig. 4 left",
        "sampling_interval",
        both(*(higher({S: s}, {S: 1}, _EQUAL_FRAMES) for s in (2, 5, 10))),
    ),
    Claim(
        "reconstruction helps at η = 0.3 and at 0.6",
        "Sec. 4.4, Table 2",
        "reconstruction",
        both(*(higher({GAMMA: 0.5}, {GAMMA: 0.0}, {ETA: eta}) for eta in (0.3, 0.6))),
    ),
    Claim(
        "reconstruction helps more at η = 0.6 than at 0.3",
        "Sec. 4.4, Table 2",
        "reconstruction",
        gain_grows({GAMMA: 0.5}, {GAMMA: 0.0}, ETA, {}),
    ),
    Claim(
        "hiding at random after tuples are formed is best",
        "Sec. 4.4, Table 3",
        "masking_strategy",
        both(
            *(
                higher(_RANDOM_POST, {MASKING: masking, POSITION: position})
                for masking, position in (
                    ("random", "pre"),
                    ("deterministic", "post"),
                    ("deterministic", "pre"),
                )
            )
        ),
    ),
    Claim(
        "linear probing helps joint training the more, the larger η",
        "Sec. 3.2, Fig. 3",
        "linear_probing",
        gain_grows({PROBING: 3}, {PROBING: 0}, ETA, _JOINT),
    ),
    Claim(
        "linear probing helps at η = 0.9",
        "Sec. 3.2, Fig. 3",
        "linear_probing",
        higher({PROBING: 3}, {PROBING: 0}, {**_JOINT, ETA: 0.9}),
    ),
)
