"""A study of every kind of data that is read, and of every stream, reaches its figure."""

import pytest
from data.every_kind import KINDS, QUESTIONS
from tuning.every_kind import smoke

from charon.data.streams import PROTOCOLS


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, *QUESTIONS], ids=lambda kind: kind.name)
def test_a_study_of_it_reaches_its_figure(kind, tmp_path):
    found = smoke(kind, tmp_path / "kind", in_process=True)
    assert found.problem == ""


def test_every_stream_is_among_them():
    asked = {word for kind in QUESTIONS for word in kind.words}
    assert set(PROTOCOLS) <= asked
