"""Fields of a run and Optuna's parameters name each other."""

import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution

from charon.tuning.sampling.encoding import Encoding
from charon.tuning.study.space import Choice, MaskingRatio, Real, SamplingInterval

SPACE = {
    "learner.masking_ratio": MaskingRatio(0.0, 0.9, tuples=20),
    "learner.alpha": Real(0.05, 1.0, log=True),
    "learner.sampling_interval": SamplingInterval(1, 10, frames=120),
    "learner.masking": Choice(("random", "deterministic")),
}
FIELDS = {
    "learner.masking_ratio": 0.85,
    "learner.alpha": 0.3,
    "learner.sampling_interval": 5,
    "learner.masking": "random",
}


@pytest.mark.parametrize("as_numbers", [False, True])
def test_parameters_and_fields_name_each_other(as_numbers):
    encoding = Encoding(SPACE, as_numbers=as_numbers)
    assert encoding.decode(encoding.encode(FIELDS)) == FIELDS
    assert set(encoding.encode(FIELDS)) == set(encoding.distributions)


def test_a_masking_ratio_is_a_whole_number_of_kept_tuples():
    encoding = Encoding(SPACE)
    assert encoding.encode(FIELDS)["learner.masking_ratio:kept_tuples"] == 3
    assert encoding.distributions["learner.masking_ratio:kept_tuples"] == IntDistribution(2, 20)


def test_a_sampling_interval_is_itself_or_for_numbers_only_its_place():
    field = "learner.sampling_interval"
    values = (1, 2, 3, 4, 5, 6, 8, 10)
    assert Encoding(SPACE).distributions[field] == CategoricalDistribution(values)
    numbers = Encoding(SPACE, as_numbers=True)
    assert numbers.distributions[field + ":place"] == IntDistribution(0, 7)
    assert numbers.encode(FIELDS)[field + ":place"] == 4
