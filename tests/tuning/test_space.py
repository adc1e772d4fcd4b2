"""Search spaces hold only values that mean what they say."""

import pytest

from charon.errors import ConfigError
from charon.tuning.space import Choice, KeptTuples, Real, Whole, check_start, divisors


@pytest.mark.parametrize("kept", range(1, 21))
def test_a_number_of_kept_tuples_and_its_masking_ratio_name_each_other(kept):
    tuples = KeptTuples(1, 20)
    assert tuples.kept(tuples.ratio(kept)) == kept


def test_masking_ratios_between_whole_tuples_are_not_in_the_space():
    assert KeptTuples(1, 20).holds(0.3)
    assert not KeptTuples(1, 20).holds(0.33)
    assert not KeptTuples(10, 20).holds(0.9)


def test_sampling_intervals_divide_the_clip():
    assert divisors(1, 12).values == (1, 2, 3, 4, 5, 6, 8, 10, 12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Real(1, 1),
        lambda: Real(0, 1, log=True),
        lambda: Whole(3, 2),
        lambda: Whole(0, 2, log=True),
        lambda: Choice(("a",)),
        lambda: KeptTuples(0, 5),
        lambda: KeptTuples(5, 21),
    ],
)
def test_an_empty_range_is_an_error(make):
    with pytest.raises(ConfigError, match="but got"):
        make()


def test_a_start_outside_the_space_is_an_error_that_names_the_field():
    with pytest.raises(ConfigError, match=r"learner\.alpha=0\.3"):
        check_start({"learner.alpha": Real(0.5, 1)}, {"learner.alpha": 0.3})
    check_start({"learner.alpha": Real(0.1, 1)}, {"learner.alpha": 0.3})
