"""Spaces of all methods hold their published values."""

import pytest

from charon.learners import LEARNERS
from charon.tuning.study.fields import complete
from charon.tuning.study.method_spaces import SPACES
from charon.tuning.study.space import bound, check_space


def test_every_method_but_charon_has_a_space():
    assert set(SPACES) == set(LEARNERS) - {"charon"}


@pytest.mark.parametrize("learner", sorted(SPACES))
def test_a_space_holds_the_published_configuration_of_its_method(learner):
    start = complete({"learner": learner})
    space = bound(SPACES[learner], start)
    check_space(space, start, complete)
