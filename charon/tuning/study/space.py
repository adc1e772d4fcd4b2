"""Search spaces: the domain of each field, declared without Optuna.

The masking ratio is searched as a whole number of kept tuples, the sampling interval among the
divisors of a clip's frames, so no value is rounded afterwards. Both are bound to the clips of a
run before a search starts.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from charon.errors import ConfigError
from charon.settings import Value


@dataclass(frozen=True)
class _Range:
    """A number in ``[low, high]``; ``log=True`` samples its logarithm evenly."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ConfigError(
                "`low < high`, and with log `low > 0`, must hold, "
                f"but got low={self.low}, high={self.high}, log={self.log}."
            )


class Real(_Range):
    """A real number in ``[low, high]``; ``log=True`` samples its logarithm evenly."""


@dataclass(frozen=True)
class Whole(_Range):
    """A whole number in ``[low, high]``; ``log=True`` samples its logarithm evenly."""

    low: int
    high: int


@dataclass(frozen=True)
class Choice:
    """A categorical value, without order."""

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if len(set(self.values)) < 2 or len(set(self.values)) < len(self.values):
            raise ConfigError(
                f"A choice needs at least two different values, but got {self.values}."
            )


@dataclass(frozen=True)
class MaskingRatio:
    """A masking ratio in ``[low, high]``, searched as the number of kept tuples.

    Attributes:
        low, high: smallest and largest share of hidden tuples.
        tuples: tuples of a clip (frames over frames per tuple); 0 until bound to a run.
    """

    low: float
    high: float
    tuples: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high < 1:
            raise ConfigError(
                f"`0 <= low < high < 1` must hold, but got low={self.low}, high={self.high}."
            )
        if self.tuples and self.fewest >= self.most:
            raise ConfigError(
                f"Of {self.tuples} tuples, the masking ratios in [{self.low}, {self.high}] keep "
                "at most one number; widen the range, or use longer clips or shorter tuples."
            )

    @property
    def fewest(self) -> int:
        """Fewest kept tuples: those of the largest ratio that does not exceed ``high``."""
        return max(1, math.ceil(self.tuples * (1 - self.high) - 1e-6))

    @property
    def most(self) -> int:
        """Most kept tuples: those of the smallest ratio that is not below ``low``."""
        return self.kept(self.low)

    def ratio(self, kept: int) -> float:
        """Return the masking ratio that keeps ``kept`` tuples."""
        return round(1 - kept / self.tuples, 10)

    def kept(self, ratio: float) -> int:
        """Return how many tuples are kept at ``ratio``.

        Source: METHOD section 0, the exact count.
        """
        return max(1, int(self.tuples * (1 - ratio) + 1e-6))


@dataclass(frozen=True)
class SamplingInterval:
    """A sampling interval in ``[low, high]`` that divides the number of frames.

    Attributes:
        low, high: smallest and largest interval, frames.
        frames: frames of a clip; 0 until bound to a run.
    """

    low: int
    high: int
    frames: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.low < self.high:
            raise ConfigError(
                f"`1 <= low < high` must hold, but got low={self.low}, high={self.high}."
            )
        if self.frames and len(self.values) < 2:
            raise ConfigError(
                f"Of {self.frames} frames, [{self.low}, {self.high}] holds fewer than two "
                f"divisors below {self.frames}; widen the range."
            )

    @property
    def values(self) -> tuple[int, ...]:
        """The intervals in ascending order; each keeps at least two frames."""
        top = min(self.high, self.frames - 1)
        return tuple(s for s in range(self.low, top + 1) if self.frames % s == 0)


Domain = Real | Whole | Choice | MaskingRatio | SamplingInterval

Space = Mapping[str, Domain]
"""Domains by dotted field."""


def ends(domain: Domain) -> tuple[Value, ...]:
    """Return the values at which the limits of a field are checked."""
    if isinstance(domain, MaskingRatio):
        return domain.ratio(domain.most), domain.ratio(domain.fewest)
    if isinstance(domain, Choice | SamplingInterval):
        return domain.values
    return domain.low, domain.high


def holds(domain: Domain, value: Value) -> bool:
    """Whether a value can be drawn from a domain."""
    if isinstance(domain, Choice | SamplingInterval):
        return value in domain.values
    if not isinstance(value, int | float):
        return False
    if isinstance(domain, MaskingRatio):
        ratios = map(domain.ratio, range(domain.fewest, domain.most + 1))
        return any(abs(ratio - value) < 1e-9 for ratio in ratios)
    is_kind = isinstance(domain, Real) or isinstance(value, int)
    return is_kind and domain.low <= value <= domain.high


KINDS: dict[str, type[Domain]] = {
    "real": Real,
    "whole": Whole,
    "choice": Choice,
    "masking_ratio": MaskingRatio,
    "sampling_interval": SamplingInterval,
}
"""Name in ``study.json`` -> domain."""


def to_plain(space: Space) -> dict[str, dict[str, Any]]:
    """Return a space as plain values for JSON, each domain with its kind."""
    kinds = {domain: kind for kind, domain in KINDS.items()}
    return {name: {"kind": kinds[type(d)], **asdict(d)} for name, d in space.items()}


def from_plain(plain: Mapping[str, Mapping[str, Any]]) -> dict[str, Domain]:
    """Return the space of the plain values that :func:`to_plain` returned.

    Raises:
        KeyError, TypeError: a domain's kind is unknown, or its fields are.
        ConfigError: a domain's values are out of range.
    """
    space: dict[str, Domain] = {}
    for name, described in plain.items():
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in described.items()}
        domain: Callable[..., Domain] = KINDS[str(values.pop("kind"))]
        space[name] = domain(**values)
    return space


def bound(space: Space, run: Mapping[str, Value]) -> dict[str, Domain]:
    """Return the space bound to the clips of a run.

    Raises:
        ConfigError: fewer than two values are left for a field, or the number of frames or
            tuples is searched too.
    """
    moving = [name for name in ("data.num_frames", "model.frames_per_tuple") if name in space]
    frames, per_tuple = run["data.num_frames"], run["model.frames_per_tuple"]
    assert isinstance(frames, int)
    assert isinstance(per_tuple, int)
    domains = dict(space)
    for name, domain in space.items():
        if not isinstance(domain, MaskingRatio | SamplingInterval):
            continue
        if moving:
            raise ConfigError(
                f"{name}: {type(domain).__name__} counts the frames of a clip, so {moving[0]} "
                "cannot be searched too; leave one out."
            )
        try:
            if isinstance(domain, MaskingRatio):
                domains[name] = replace(domain, tuples=frames // per_tuple)
            else:
                domains[name] = replace(domain, frames=frames)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from error
    return domains


def check_space(
    space: Space, start: Mapping[str, Value], check: Callable[[Mapping[str, Value]], object]
) -> None:
    """Raise a ConfigError if a bound space lacks a search's first trial, or an end cannot be run.

    ``check`` raises it for fields that a run cannot have: those of the first trial, each end of a
    domain in turn among them.
    """
    for name, domain in space.items():
        if not holds(domain, start[name]):
            raise ConfigError(
                f"The search begins with {name}={start[name]!r}, which {domain} does not hold; "
                "widen the range, or give the study's base another value."
            )
        for value in ends(domain):
            try:
                check({**start, name: value})
            except ConfigError as error:
                raise ConfigError(
                    f"{domain} of the search's space does not fit: {error}"
                ) from error
