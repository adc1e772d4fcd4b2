"""Two statistics that a report of a search needs, on small samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


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


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of one or more runs with its spread and interval."""
    n = len(values)
    mean = float(np.mean(values))
    if n < 2:
        return Mean(mean, math.nan, math.nan, n)
    std = float(np.std(values, ddof=1))
    return Mean(mean, std, student_t(n - 1) * std / math.sqrt(n), n)


def student_t(freedom: int, share: float = 0.95) -> float:
    """Return the t within ±t of which ``share`` of Student's distribution lies.

    With t = sqrt(freedom)·tan(θ) the density is proportional to cos(θ)^(freedom - 1), which
    is summed up numerically from 0 to π/2.

    Args:
        freedom: degrees of freedom, 1 or more; runs minus 1 for the interval of a mean.
        share: above 0 and below 1.
    """
    angle = np.linspace(0, math.pi / 2, 200_001)
    middle = (angle[1:] + angle[:-1]) / 2
    area = np.concatenate([[0.0], np.cumsum(np.cos(middle) ** (freedom - 1))])
    return math.sqrt(freedom) * math.tan(float(np.interp(share, area / area[-1], angle)))


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's rho of two measurements of the same things.

    Ranks are compared; equal values share the mean of their ranks. NaN for fewer than three
    things, or where all values of one side are equal.
    """
    ranks = [pd.Series(list(values)).rank() for values in (first, second)]
    if len(ranks[0]) < 3 or any(one.nunique() < 2 for one in ranks):
        return math.nan
    return float(ranks[0].corr(ranks[1]))
