"""Between the fields of a run and the parameters that Optuna draws."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from charon.settings import Value
from charon.tuning.study.space import Choice, Domain, MaskingRatio, Real, SamplingInterval, Space


@dataclass(frozen=True)
class Encoding:
    """How a space is told to Optuna.

    Attributes:
        space: bound to its run.
        as_numbers: whether sampling intervals are drawn by their place among all, for a
            sampler that knows numbers only; else Optuna sees the intervals themselves.
    """

    space: Space
    as_numbers: bool = False

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What Optuna draws from, by its parameters' names."""
        return {self.name(field): self._distribution(d) for field, d in self.space.items()}

    def name(self, field: str) -> str:
        """Return the name of the parameter that stands for a field."""
        domain = self.space[field]
        if isinstance(domain, MaskingRatio):
            return f"{field}:kept_tuples"
        return f"{field}:place" if self._is_place(domain) else field

    def encode(self, fields: Mapping[str, Value]) -> dict[str, Value]:
        """Return the parameters that stand for the searched ones of a run's fields."""
        return {self.name(one): self._encoded(d, fields[one]) for one, d in self.space.items()}

    def decode(self, params: Mapping[str, Value]) -> dict[str, Value]:
        """Return the searched fields of a run that these parameters stand for."""
        return {one: self._decoded(d, params[self.name(one)]) for one, d in self.space.items()}

    def _is_place(self, domain: Domain) -> TypeGuard[SamplingInterval]:
        """Whether Optuna draws the place of a sampling interval among those there are."""
        return self.as_numbers and isinstance(domain, SamplingInterval)

    def _distribution(self, domain: Domain) -> BaseDistribution:
        if isinstance(domain, MaskingRatio):
            return IntDistribution(domain.fewest, domain.most)
        if self._is_place(domain):
            return IntDistribution(0, len(domain.values) - 1)
        if isinstance(domain, Choice | SamplingInterval):
            return CategoricalDistribution(domain.values)
        if isinstance(domain, Real):
            return FloatDistribution(domain.low, domain.high, log=domain.log)
        return IntDistribution(domain.low, domain.high, log=domain.log)

    def _encoded(self, domain: Domain, value: Any) -> Value:
        if isinstance(domain, MaskingRatio):
            return domain.kept(value)
        return domain.values.index(value) if self._is_place(domain) else value

    def _decoded(self, domain: Domain, value: Any) -> Any:
        if isinstance(domain, MaskingRatio):
            return domain.ratio(value)
        return domain.values[value] if self._is_place(domain) else value
