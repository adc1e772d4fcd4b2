"""The settings of the data: what they allow, and that their default is the stand-in."""

import pytest

from charon.data import ntu
from charon.data.prepare import is_there
from charon.data.settings import DataSettings
from charon.data.source import Reading
from charon.errors import ConfigError


def test_the_default_needs_no_file():
    assert is_there(DataSettings().path)


@pytest.mark.parametrize("benchmark", ["auto", *ntu.BENCHMARKS])
def test_every_protocol_can_be_chosen(benchmark):
    assert DataSettings(benchmark=benchmark).benchmark == benchmark


def test_the_choices_of_reading_are_the_sources():
    assert DataSettings().reading == Reading()
    given = {"axes": "NTVCM", "split": "train2", "scores": "channel", "min_score": 0.2}
    given |= {"keep_gaps": True, "benchmark": "ntu60-xsub"}
    assert DataSettings(**given).reading == Reading(**given)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("benchmark", "ntu60"),
        ("stream", "all"),
        ("crop", "never"),
        ("duplicate_bodies", "twice"),
        ("evaluate_on", "train"),
        ("num_frames", 1),
        ("rotation", -0.1),
        ("val_fraction", 0.0),
        ("val_fraction", 1.0),
        ("classes_per_task", "ten"),
        ("keep_gaps", "maybe"),
        ("scores", "maybe"),
        ("min_score", 1.0),
        ("min_score", -0.1),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_its_field(field, value):
    with pytest.raises(ConfigError, match=field):
        DataSettings(**{field: value})
