"""Samplers and pruners of a search, the limits of each sampler, and the budget of its memories."""

from collections.abc import Sequence

from charon.errors import ConfigError
from charon.tuning.study.space import Choice, Space

SAMPLERS = ("tpe", "random", "cmaes", "gp", "nsga2")

PRUNERS = ("none", "asha", "hyperband")

NUMBERS_ONLY = ("cmaes",)
"""Samplers without categorical values; they also have a single objective."""

START, NONE = "start", "none"
"""Budgets: as many bytes as the memory of the first trial takes, and any."""

_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "B": 1}


def check_sampler(name: str, space: Space, objectives: Sequence[str]) -> None:
    """Raise a ConfigError if a sampler cannot search this space for these objectives."""
    if name not in NUMBERS_ONLY:
        return
    choices = [field for field, domain in space.items() if isinstance(domain, Choice)]
    if choices:
        problem = f"searches numbers only, and {', '.join(choices)} is a choice"
    elif len(space) < 2:
        problem = f"needs at least two fields, but the space has {', '.join(space)}"
    elif len(objectives) > 1:
        problem = f"has one objective, but there are {' '.join(objectives)}"
    else:
        return
    raise ConfigError(f"The sampler {name} {problem}; take --sampler tpe, random, gp or nsga2.")


def parse_bytes(text: str) -> int:
    """Read a budget in bytes, such as ``"500kB"``, ``"1.5MB"`` or ``"72000"``.

    Raises:
        ConfigError: ``text`` is not a number of at least one byte.
    """
    number = text.strip()
    unit = next((u for u in _UNITS if number.endswith(u)), "")
    try:
        value = float(number.removesuffix(unit)) * _UNITS.get(unit, 1)
    except ValueError:
        value = 0.0
    if not 1 <= value < float("inf"):
        raise ConfigError(
            "A budget is a number of bytes such as 72000, 500kB or 1.5MB, or `start` or `none`, "
            f"but got {text!r}."
        )
    return int(value)
