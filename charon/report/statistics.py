"""Means of runs with their spread and interval, by Student's t.

:mod:`charon.report.significance` compares runs. This module is imported wherever a mean is shown,
so it leaves scipy.stats alone, which takes a third of a second.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

LEVEL = 0.95
"""Of all intervals."""

ENOUGH_FOR_INTERVAL = 3
"""Runs from which an interval is shown: that of two is thirteen times as wide as they differ."""


@dataclass(frozen=True)
class Mean:
    """A mean of runs with its spread.

    Attributes:
        mean: of the runs.
        std: sample standard deviation; NaN for fewer than two runs.
        half: half the width of the 95 % interval of the mean (Student's t), which is
            ``low`` to ``high``; NaN for fewer than two runs.
        n: number of runs.
    """

    mean: float
    std: float
    half: float
    n: int

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.mean - self.half

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.mean + self.half

    @property
    def bar(self) -> float:
        """``half`` as a figure shows it: NaN for so few runs that it says nothing."""
        return self.half if self.n >= ENOUGH_FOR_INTERVAL else math.nan

    def __str__(self) -> str:
        """Return the mean with its spread and interval, which a single run lacks."""
        if self.n < 2:
            return f"{self.mean:.1f} (n = {self.n})"
        interval = f"95 % interval {self.low:.1f} to {self.high:.1f}"
        return f"{self.mean:.1f} ± {self.std:.1f} ({interval}, n = {self.n})"


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of runs with its spread and interval; all NaN where there is none."""
    n = len(values)
    mean = float(np.mean(values)) if n else math.nan
    if n < 2:
        return Mean(mean, math.nan, math.nan, n)
    std = float(np.std(values, ddof=1))
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * std / math.sqrt(n)
    return Mean(mean, std, half, n)


def number_or_none(value: float) -> float | None:
    """Return a number as JSON can hold it: None for NaN and infinity."""
    return value if math.isfinite(value) else None
