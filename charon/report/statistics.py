"""Two statistics that a report of a search needs, on small samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student_t


@dataclass(frozen=True)
class Mean:
    """The mean of some runs, and how far it may be off.

    Attributes:
        mean, std: of the runs; the sample standard deviation, NaN for fewer than two.
        half: half the width of the 95 % interval of the mean (Student's t), NaN for fewer than
            two: the interval is ``mean - half`` to ``mean + half``.
        n: number of runs.
    """

    mean: float
    std: float
    half: float
    n: int

    def __str__(self) -> str:
        """Return it as a person writes it; of a single run there is no spread."""
        if self.n < 2:
            return f"{self.mean:.1f} (n = {self.n})"
        low, high = self.mean - self.half, self.mean + self.half
        interval = f"95 % interval {low:.1f} to {high:.1f}"
        return f"{self.mean:.1f} ± {self.std:.1f} ({interval}, n = {self.n})"


def number_or_none(value: float) -> float | None:
    """Return a number as JSON can hold it: None where there is none."""
    return value if math.isfinite(value) else None


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of one or more runs with its spread and interval."""
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return Mean(mean, math.nan, math.nan, n)
    std = float(np.std(values, ddof=1))
    half = float(student_t.ppf(0.975, n - 1)) * std / math.sqrt(n)
    return Mean(mean, std, half, n)


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's rho of two measurements of the same things.

    Ranks are compared; equal values share the mean of their ranks. NaN for fewer than three
    things, or where all values of one side are equal.
    """
    ranks = [pd.Series(list(values)).rank() for values in (first, second)]
    if len(ranks[0]) < 3 or any(one.nunique() < 2 for one in ranks):
        return math.nan
    return float(ranks[0].corr(ranks[1]))
