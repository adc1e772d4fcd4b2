"""Paired differences and verdicts of a few seeds, by Student's t.

Runs of the same seed share their class order, their initial weights and the order of their
clips, so what two configurations differ in is judged pair by pair.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from charon.report.statistics import LEVEL, Mean, mean_of

POWER = 0.8
"""Chance with which as many runs as :func:`runs_needed` says show a difference that is there."""

MOST_RUNS = 1000
"""Beyond which the number of runs that it would take is not said."""


@dataclass(frozen=True)
class Difference:
    """A paired difference, first minus second.

    Attributes:
        apart: mean, spread and 95 % interval of the differences.
        p: of a two-sided paired t-test; NaN for a single pair.
        wins: share of pairs in which the first is higher, equal ones counted half.
        adjusted: ``p`` corrected for all comparisons made with it (Holm); ``p`` if alone.
        values: of the pairs.
    """

    apart: Mean
    p: float
    wins: float
    adjusted: float
    values: tuple[float, ...] = ()

    @property
    def is_decided(self) -> bool:
        """Whether the corrected p is below 0.05; never from a single pair."""
        return self.apart.n > 1 and self.adjusted < 1 - LEVEL

    @property
    def is_decided_alone(self) -> bool:
        """Whether the p of this comparison alone is below 0.05; never from a single pair."""
        return self.apart.n > 1 and self.p < 1 - LEVEL


def difference_of(first: pd.Series, second: pd.Series) -> Difference:
    """Compare runs pair by pair.

    Args:
        first: values by what makes a pair, such as the seed.
        second: likewise; what only one side has is left out.
    """
    apart = (first - second).dropna()
    mean = mean_of(apart.tolist())
    if mean.n < 2:
        p = math.nan
    elif mean.std == 0:
        p = 1.0 if mean.mean == 0 else 0.0
    else:
        p = 2 * float(stats.t.sf(abs(mean.mean) * math.sqrt(mean.n) / mean.std, mean.n - 1))
    wins = float(((apart > 0) + 0.5 * (apart == 0)).mean()) if mean.n else math.nan
    return Difference(mean, p, wins, p, tuple(apart))


def corrected(differences: Sequence[Difference]) -> list[Difference]:
    """Return the differences with p-values corrected for their number by Holm's method."""
    known = [place for place, one in enumerate(differences) if not math.isnan(one.p)]
    result = list(differences)
    if known:
        adjusted = multipletests([differences[place].p for place in known], method="holm")[1]
        for place, p in zip(known, adjusted, strict=True):
            result[place] = replace(differences[place], adjusted=float(p))
    return result


def runs_needed(difference: float, std: float, comparisons: int = 1) -> int | None:
    """Return how many pairs show a difference in 80 % of studies (paired t-test, 5 %).

    With several comparisons each is tested at 5 % divided by their number. None if there is
    nothing to show, or more than 1,000 pairs were needed.
    """
    if not difference or not std or not math.isfinite(difference * std):
        return None
    effect = abs(difference) / std
    if effect > 10:
        return 2
    needed = TTestPower().solve_power(effect, alpha=(1 - LEVEL) / comparisons, power=POWER)
    needed = math.ceil(float(np.ravel(needed)[0]))
    return needed if needed <= MOST_RUNS else None


def equivalence(apart: Mean, margin: float) -> str:
    """Return whether a mean difference is ``within`` a margin, ``outside`` or ``undecided``.

    Within: two one-sided t-tests at 5 % reject a difference of the margin or more (the 90 %
    interval lies inside). Outside: the 95 % interval lies beyond the margin.
    """
    if apart.n < 2:
        return "undecided"
    inner = apart.half * float(stats.t.ppf(LEVEL, apart.n - 1) / stats.t.ppf(0.975, apart.n - 1))
    if -margin < apart.mean - inner and apart.mean + inner < margin:
        return "within"
    return "outside" if apart.low > margin or apart.high < -margin else "undecided"


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's rho of two measurements of the same things.

    Equal values share the mean of their ranks. NaN for fewer than three things, or where all
    values of a side are equal.
    """
    if len(first) < 3 or min(len(set(first)), len(set(second))) < 2:
        return math.nan
    return float(stats.spearmanr(first, second).statistic)
