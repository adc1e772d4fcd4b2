"""Samplers by name, what each can search, and that a later sitting draws anew."""

import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import NSGAIISampler
from optuna.study import create_study

from charon.errors import ConfigError
from charon.tuning.sampling.samplers import make_sampler
from charon.tuning.study.search_methods import NUMBERS_ONLY, check_sampler
from charon.tuning.study.space import Choice, Real
from charon.tuning.study.study import SAMPLERS

NUMBERS = {"a": Real(0, 1), "b": Real(0, 1)}


def drawn(**how):
    """Return what the random sampler draws first."""
    study = create_study(sampler=make_sampler("random", num_trials=24, **how))
    return study.ask({"a": FloatDistribution(0, 1)}).params["a"]


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_is_made_and_searches_two_numbers_for_one_objective(name):
    check_sampler(name, NUMBERS, ["val/faa"])
    make_sampler(name, seed=0, num_trials=24)


@pytest.mark.parametrize(
    ("space", "objectives", "message"),
    [
        ({**NUMBERS, "c": Choice(("x", "y"))}, ["val/faa"], "numbers only, and c is a choice"),
        ({"a": Real(0, 1)}, ["val/faa"], "at least two fields, but the space has a"),
        (NUMBERS, ["val/faa", "memory/bytes"], "one objective, but there are val/faa memory/bytes"),
    ],
)
def test_a_search_that_a_sampler_cannot_do_is_refused_with_a_remedy(space, objectives, message):
    for name in NUMBERS_ONLY:
        with pytest.raises(ConfigError, match=f"{message}.*--sampler tpe"):
            check_sampler(name, space, objectives)
    check_sampler("tpe", space, objectives)


def test_draws_depend_on_the_seed_and_repeat_with_it():
    assert drawn(seed=1) == drawn(seed=1) != drawn(seed=2)


def test_a_later_sitting_draws_what_no_earlier_one_drew():
    draws = [drawn(seed=1, num_suggested=number) for number in (0, 1, 2)]
    assert len(set(draws)) == 3
    assert draws[0] == drawn(seed=1)
    assert draws[1] == drawn(seed=1, num_suggested=1)


@pytest.mark.parametrize(("num_trials", "population"), [(8, 4), (100, 25), (1000, 50)])
def test_a_search_sees_a_few_generations(num_trials, population):
    sampler = make_sampler("nsga2", 0, num_trials)
    assert isinstance(sampler, NSGAIISampler)
    assert sampler.population_size == population
