"""Between the fields of a run and the parameters that Optuna draws."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from charon.settings import Value
from charon.tuning.study.space import Choice, Domain, MaskingRatio, Real, SamplingInterval, Space


class Parameter(NamedTuple):
    """What Optuna draws for a field, and how the field's values are told to it and read back."""

    name: str
    distribution: BaseDistribution
    encode: Callable[[Any], Value] = lambda value: value
    decode: Callable[[Any], Value] = lambda value: value


def parameter(field: str, domain: Domain, *, as_numbers: bool) -> Parameter:
    """Return the parameter for a field with this domain; see :class:`Encoding`."""
    if isinstance(domain, MaskingRatio):
        kept = IntDistribution(domain.fewest, domain.most)
        return Parameter(f"{field}:kept_tuples", kept, domain.kept, domain.ratio)
    if isinstance(domain, SamplingInterval) and as_numbers:
        values = domain.values
        place = IntDistribution(0, len(values) - 1)
        return Parameter(f"{field}:place", place, values.index, values.__getitem__)
    if isinstance(domain, Choice | SamplingInterval):
        return Parameter(field, CategoricalDistribution(domain.values))
    if isinstance(domain, Real):
        return Parameter(field, FloatDistribution(domain.low, domain.high, log=domain.log))
    return Parameter(field, IntDistribution(domain.low, domain.high, log=domain.log))


class Encoding:
    """How a space is told to Optuna: ``distributions`` by the names of its parameters."""

    def __init__(self, space: Space, *, as_numbers: bool = False) -> None:
        """Encode a space that is bound to its run.

        With ``as_numbers`` sampling intervals are drawn by their place among all, for a sampler
        that knows numbers only; else Optuna sees the intervals themselves.
        """
        self._parameters = {
            field: parameter(field, domain, as_numbers=as_numbers)
            for field, domain in space.items()
        }
        self.distributions = {p.name: p.distribution for p in self._parameters.values()}

    def encode(self, fields: Mapping[str, Value]) -> dict[str, Value]:
        """Return the parameters that stand for the searched ones of a run's fields."""
        return {p.name: p.encode(fields[field]) for field, p in self._parameters.items()}

    def decode(self, params: Mapping[str, Value]) -> dict[str, Value]:
        """Return the searched fields of a run that these parameters stand for."""
        return {field: p.decode(params[p.name]) for field, p in self._parameters.items()}
