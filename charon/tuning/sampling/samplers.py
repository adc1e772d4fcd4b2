"""Optuna's samplers by name, and what each of them can search."""

import warnings
from collections.abc import Sequence

import optuna

from charon.errors import ConfigError
from charon.seeding import derive_seed
from charon.tuning.study.space import Choice, Space

NUMBERS_ONLY = ("cmaes",)
"""Samplers that know no choices."""

ONE_OBJECTIVE = ("cmaes",)


OTHERS = "take --sampler tpe, random, gp or nsga2."


def check_sampler(name: str, space: Space, objectives: Sequence[str]) -> None:
    """Check that a sampler can search this space for these objectives.

    Raises:
        ConfigError: the sampler knows numbers only and the space has a choice or a single field,
            or the sampler knows one objective only and there are several.
    """
    choices = [field for field, domain in space.items() if isinstance(domain, Choice)]
    if name in NUMBERS_ONLY and choices:
        raise ConfigError(
            f"The sampler {name} searches numbers only, and {', '.join(choices)} is a choice; "
            f"{OTHERS}"
        )
    if name in NUMBERS_ONLY and len(space) < 2:
        raise ConfigError(
            f"The sampler {name} needs at least two fields, but the space has {', '.join(space)}; "
            f"{OTHERS}"
        )
    if name in ONE_OBJECTIVE and len(objectives) > 1:
        raise ConfigError(
            f"The sampler {name} has one objective, but there are {' '.join(objectives)}; {OTHERS}"
        )


def make_sampler(
    name: str, seed: int, num_trials: int, num_suggested: int = 0
) -> optuna.samplers.BaseSampler:
    """Return a sampler for one sitting of a search.

    Args:
        name: ``"tpe"`` models settings jointly and knows of running trials.
        seed: of the search's draws.
        num_trials: of the search; decides the population of ``"nsga2"``.
        num_suggested: settings that earlier sittings were suggested; this one draws others.
    """
    if num_suggested:
        seed = derive_seed(seed, "sampler", num_suggested) % 2**32
    with warnings.catch_warnings():
        # Joint modelling and the liar are experimental by name only: they are years old.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "tpe":
            return optuna.samplers.TPESampler(multivariate=True, constant_liar=True, seed=seed)
        if name == "cmaes":
            return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        if name == "gp":
            return optuna.samplers.GPSampler(seed=seed)
    if name == "nsga2":
        # Optuna's 50 would make the first 50 trials random ones; a few generations must fit.
        population = max(4, min(50, num_trials // 4))
        return optuna.samplers.NSGAIISampler(population_size=population, seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)
