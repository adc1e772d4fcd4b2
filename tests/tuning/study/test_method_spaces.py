"""Spaces of all methods hold their published values."""

import pytest

from charon.learners import LEARNERS
from charon.learners.rehearsal import MemorySettings
from charon.memory import CODECS, STORAGES
from charon.tuning.study.fields import complete
from charon.tuning.study.method_spaces import SPACES, STORED
from charon.tuning.study.space import bound, check_space


def test_every_method_but_charon_has_a_space():
    assert set(SPACES) == set(LEARNERS) - {"charon"}


@pytest.mark.parametrize("learner", sorted(SPACES))
def test_a_space_holds_the_published_configuration_of_its_method(learner):
    start = complete({"learner": learner})
    space = bound(SPACES[learner], start)
    check_space(space, start, complete)


def test_every_way_of_storing_clips_can_be_searched_with_every_memory():
    assert STORED["learner.codec"].values == tuple(CODECS)
    assert STORED["learner.storage"].values == tuple(STORAGES)
    for learner, method in LEARNERS.items():
        if issubclass(method.settings, MemorySettings):
            check_space(STORED, complete({"learner": learner}), complete)
