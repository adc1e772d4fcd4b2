"""Optuna's samplers by name, and what each of them can search."""

import warnings

import optuna

from charon.seeding import derive_seed


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
