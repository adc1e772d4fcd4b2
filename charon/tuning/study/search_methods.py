"""Samplers and pruners of a search, and the limits of each sampler."""

from collections.abc import Sequence

from charon.errors import ConfigError
from charon.tuning.study.space import Choice, Space

SAMPLERS = ("tpe", "random", "cmaes", "gp", "nsga2")

PRUNERS = ("none", "asha", "hyperband")

NUMBERS_ONLY = ("cmaes",)
"""Samplers without categorical values."""

ONE_OBJECTIVE = ("cmaes",)


def check_sampler(name: str, space: Space, objectives: Sequence[str]) -> None:
    """Check that a sampler can search this space for these objectives.

    Raises:
        ConfigError: the sampler has no choices, needs more fields or has a single objective.
    """
    choices = [field for field, domain in space.items() if isinstance(domain, Choice)]
    if name in NUMBERS_ONLY and choices:
        problem = f"searches numbers only, and {', '.join(choices)} is a choice"
    elif name in NUMBERS_ONLY and len(space) < 2:
        problem = f"needs at least two fields, but the space has {', '.join(space)}"
    elif name in ONE_OBJECTIVE and len(objectives) > 1:
        problem = f"has one objective, but there are {' '.join(objectives)}"
    else:
        return
    others = "tpe, random, gp or nsga2"
    raise ConfigError(f"The sampler {name} {problem}; take --sampler {others}.")
