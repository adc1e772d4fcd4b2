"""Intervals and rank correlations of small samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student_t


@dataclass(frozen=True)
class Mean:
    """A mean of runs with its spread.

    Attributes:
        mean: of the runs.
        std: sample standard deviation; NaN for fewer than two runs.
        half: half the width of the 95 % interval of the mean (Student's t), which is
            ``mean - half`` to ``mean + half``; NaN for fewer than two runs.
        n: number of runs.
    """

    mean: float
    std: float
    half: float
    n: int

    def __str__(self) -> str:
        """Return the mean with its spread and interval, which a single run lacks."""
        if self.n < 2:
            return f"{self.mean:.1f} (n = {self.n})"
        low, high = self.mean - self.half, self.mean + self.half
        interval = f"95 % interval {low:.1f} to {high:.1f}"
        return f"{self.mean:.1f} ± {self.std:.1f} ({interval}, n = {self.n})"


def number_or_none(value: float) -> float | None:
    """Return a number as JSON can hold it: None for NaN and infinity."""
    return value if math.isfinite(value) else None


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of at least one run with its spread and interval."""
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return Mean(mean, math.nan, math.nan, n)
    std = float(np.std(values, ddof=1))
    half = float(student_t.ppf(0.975, n - 1)) * std / math.sqrt(n)
    return Mean(mean, std, half, n)


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's rho of two measurements of the same things.

    Equal values share the mean of their ranks. NaN for fewer than three things, or where all
    values of a side are equal.
    """
    ranks = [pd.Series(list(values)).rank() for values in (first, second)]
    if len(ranks[0]) < 3 or any(side.nunique() < 2 for side in ranks):
        return math.nan
    return float(ranks[0].corr(ranks[1]))
