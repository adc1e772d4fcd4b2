"""What a search may vary: ranges and choices, written down in a study without Optuna.

Two settings of the method are not free numbers, and are searched as what they are: the
masking ratio as a whole number of kept tuples, the sampling interval among the divisors of
the clip's length. So no value is rounded behind the user's back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from charon.errors import ConfigError
from charon.tuning.journal import Value


@dataclass(frozen=True)
class Real:
    """A real number in ``[low, high]``; ``log=True`` samples its logarithm evenly."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ConfigError(
                "`low < high`, and with log `low > 0`, must hold, "
                f"but got low={self.low}, high={self.high}, log={self.log}."
            )

    def holds(self, value: Value) -> bool:
        """Whether ``value`` can be drawn."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Whole:
    """A whole number in ``[low, high]``; ``log=True`` samples its logarithm evenly."""

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low < 1):
            raise ConfigError(
                "`low < high`, and with log `low >= 1`, must hold, "
                f"but got low={self.low}, high={self.high}, log={self.log}."
            )

    def holds(self, value: Value) -> bool:
        """Whether ``value`` can be drawn."""
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of the given values, without order."""

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if len(set(self.values)) < 2 or len(set(self.values)) < len(self.values):
            raise ConfigError(
                f"A choice needs at least two different values, but got {self.values}."
            )

    def holds(self, value: Value) -> bool:
        """Whether ``value`` can be drawn."""
        return value in self.values


@dataclass(frozen=True)
class KeptTuples:
    """A masking ratio, searched as the number of tuples that the encoder sees.

    Attributes:
        low, high: fewest and most kept tuples.
        tuples: tuples of a clip (frames over frames per tuple; the paper's 120 / 6).
    """

    low: int
    high: int
    tuples: int = 20

    def __post_init__(self) -> None:
        if not 1 <= self.low < self.high <= self.tuples:
            raise ConfigError(
                "`1 <= low < high <= tuples` must hold, "
                f"but got low={self.low}, high={self.high}, tuples={self.tuples}."
            )

    def ratio(self, kept: int) -> float:
        """Return the masking ratio that keeps ``kept`` tuples."""
        return round(1 - kept / self.tuples, 10)

    def kept(self, ratio: float) -> int:
        """Return how many tuples are kept at ``ratio``.

        Source: METHOD section 0, the exact count.
        """
        return max(1, int(self.tuples * (1 - ratio) + 1e-6))

    def holds(self, value: Value) -> bool:
        """Whether the masking ratio ``value`` can be drawn."""
        if not isinstance(value, int | float):
            return False
        kept = self.kept(value)
        return self.low <= kept <= self.high and abs(self.ratio(kept) - value) < 1e-9


Domain = Real | Whole | Choice | KeptTuples


def divisors(low: int, high: int, frames: int = 120) -> Choice:
    """Return the divisors of ``frames`` in ``[low, high]``: sampling intervals without a rest."""
    return Choice(tuple(s for s in range(low, high + 1) if frames % s == 0))


def check_start(space: Mapping[str, Domain], start: Mapping[str, Value]) -> None:
    """Check that the setting a search begins with lies in its space.

    Raises:
        ConfigError: a value of ``start`` cannot be drawn.
    """
    for name, domain in space.items():
        if not domain.holds(start[name]):
            raise ConfigError(
                f"The search begins with {name}={start[name]!r}, which {domain} does not hold; "
                "widen the range, or give the study's base another value."
            )
