"""Optuna's samplers by name."""

import warnings

import optuna


def make_sampler(name: str, seed: int, num_trials: int) -> optuna.samplers.BaseSampler:
    """Return a sampler.

    Args:
        name: ``"tpe"`` models settings jointly and knows of running trials.
        seed: of its draws.
        num_trials: of the search; decides the population of ``"nsga2"``.
    """
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
