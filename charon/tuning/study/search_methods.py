"""Samplers and pruners of a search by name, and what each sampler can search."""

from collections.abc import Sequence

from charon.errors import ConfigError
from charon.tuning.study.space import Choice, Space

SAMPLERS = ("tpe", "random", "cmaes", "gp", "nsga2")

PRUNERS = ("none", "asha", "hyperband")

NUMBERS_ONLY = ("cmaes",)
"""Samplers that know no choices."""

ONE_OBJECTIVE = ("cmaes",)


def check_sampler(name: str, space: Space, objectives: Sequence[str]) -> None:
    """Check that a sampler can search this space for these objectives.

    Raises:
        ConfigError: it cannot.
    """
    choices = [field for field, domain in space.items() if isinstance(domain, Choice)]
    if name in NUMBERS_ONLY and choices:
        raise ConfigError(
            f"The sampler {name} searches numbers only, and {', '.join(choices)} is a choice; "
            "take --sampler tpe, random, gp or nsga2."
        )
    if name in NUMBERS_ONLY and len(space) < 2:
        raise ConfigError(
            f"The sampler {name} needs at least two fields, but the space has {', '.join(space)}; "
            "take --sampler tpe, random, gp or nsga2."
        )
    if name in ONE_OBJECTIVE and len(objectives) > 1:
        raise ConfigError(
            f"The sampler {name} has one objective, but there are {' '.join(objectives)}; "
            "take --sampler tpe, random, gp or nsga2."
        )
