"""The settings of the data: what they allow, and that their default is the stand-in."""

import pytest

from charon.config import Run
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
        ("classes", 3),
        ("shots", -1),
        ("blurred", 1.0),
        ("returning", -0.1),
        ("domain", "action"),
        ("domains_per_task", -1),
        ("evaluate_every", -1),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_with_its_field(field, value):
    with pytest.raises(ConfigError, match=field):
        DataSettings(**{field: value})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"blurred": 0.1, "returning": 0.5}, "set one of them to 0"),
        ({"domains_per_task": 3}, "has no meaning without a domain"),
        ({"domain": "camera", "classes_per_task": 10}, "set data.domains_per_task"),
    ],
)
def test_fields_that_contradict_one_another_are_refused(fields, said):
    with pytest.raises(ConfigError, match=said):
        DataSettings(**fields)


def test_a_list_of_classes_in_a_file_is_recorded_in_full(tmp_path):
    file = tmp_path / "order.txt"
    file.write_text("2\n0\n1\n")
    run = Run.from_flat({"data.class_order": str(file), "data.classes": str(file)}).to_flat()
    assert (run["data.class_order"], run["data.classes"]) == ("2,0,1", "2,0,1")
    file.unlink()
    assert Run.from_flat(run).data.class_order == (2, 0, 1)


@pytest.mark.parametrize(
    ("fields", "repeats"),
    [
        ({}, False),
        ({"shots": 5}, False),
        ({"blurred": 0.1}, True),
        ({"returning": 0.1}, True),
        ({"domain": "setup"}, True),
        ({"domain": "setup", "stream": "joint"}, False),
    ],
)
def test_streams_in_which_classes_come_again(fields, repeats):
    assert DataSettings(**fields).repeats_classes == repeats
