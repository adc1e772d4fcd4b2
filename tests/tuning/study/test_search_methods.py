"""What a sampler cannot search, and what the memories of a search may take."""

import pytest

from charon.errors import ConfigError
from charon.tuning.study.search_methods import SAMPLERS, check_sampler, parse_bytes
from charon.tuning.study.space import Choice, Real, Whole

ALPHA = {"learner.alpha": Real(0, 1)}
NUMBERS = {**ALPHA, "learner.buffer_size": Whole(1, 9)}
CHOICE = {**NUMBERS, "learner.masking": Choice(("random", "deterministic"))}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_searches_several_numbers_for_an_accuracy(sampler):
    check_sampler(sampler, NUMBERS, ["val/faa"])


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "cmaes"])
def test_other_samplers_than_cmaes_take_choices_a_single_field_and_several_objectives(sampler):
    check_sampler(sampler, CHOICE, ["val/faa", "memory/bytes"])
    check_sampler(sampler, ALPHA, ["val/faa"])


@pytest.mark.parametrize(
    ("space", "objectives", "message"),
    [
        (CHOICE, ["val/faa"], r"numbers only, and learner\.masking is a choice"),
        (
            {"learner.alpha": Real(0, 1)},
            ["val/faa"],
            r"two fields, but the space has learner\.alpha",
        ),
        (NUMBERS, ["val/faa", "memory/bytes"], "one objective, but there are val/faa memory/bytes"),
    ],
)
def test_what_cmaes_cannot_search_is_a_sentence(space, objectives, message):
    with pytest.raises(ConfigError, match=f"{message}; take --sampler tpe, random, gp or nsga2"):
        check_sampler("cmaes", space, objectives)


@pytest.mark.parametrize(
    ("text", "number"),
    [("72000", 72_000), ("500kB", 500_000), ("1.5MB", 1_500_000), ("2 GB", 2 * 10**9), ("9B", 9)],
)
def test_bytes_are_read_with_their_unit(text, number):
    assert parse_bytes(text) == number


@pytest.mark.parametrize("text", ["", "0", "-5kB", "1.5 MiB", "many", "nan", "inf"])
def test_what_is_no_number_of_bytes_is_an_error(text):
    with pytest.raises(ConfigError, match="number of bytes"):
        parse_bytes(text)
