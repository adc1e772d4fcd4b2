"""Names of fields, methods and metrics as a reader knows them."""

import pytest

from charon.report.names import (
    field_text,
    field_title,
    method_of,
    metric_title,
    short_title,
    value_text,
)


@pytest.mark.parametrize(
    ("field", "title", "short"),
    [
        ("learner.masking_ratio", "masking ratio η", "η"),
        ("learner.buffer_size", "buffer size M", "M"),
        ("learner.buffer_bytes", "buffer size in kB", "buffer size"),
        ("data.benchmark", "protocol", "protocol"),
        ("learner.masking_position", "masking position", "masking position"),
    ],
)
def test_a_field_has_its_words_and_its_symbol(field, title, short):
    assert (field_title(field), short_title(field)) == (title, short)


def test_a_metric_has_its_unit():
    assert metric_title("test/faa") == "test FAA, percent"
    assert metric_title("memory/bytes") == "memory, kB"
    assert metric_title("train/epochs_per_hour") == "training epochs per hour"


def test_fine_tuning_on_a_joint_stream_is_jt():
    assert method_of({"learner": "finetune", "data.stream": "joint"}) == "JT"
    assert method_of({"learner": "charon", "data.stream": "joint"}) == "CHARON"
    assert method_of({"learner": "own"}) == "own"


def test_a_value_that_is_not_there_is_none():
    assert [value_text(value) for value in (None, float("nan"), 0.30000001, "a")] == [
        *("none", "none", "0.3", "a"),
    ]


def test_large_numbers_are_written_out_and_bytes_are_in_kilobytes():
    assert [value_text(value) for value in (40000.0, 2000.0, 36125.4)] == ["40000", "2000", "36125"]
    assert value_text(1e30) == "1e+30"
    field = "learner.buffer_bytes"
    assert [field_text(field, value) for value in (36_125_000, 4632.0)] == ["36125", "4.632"]
    assert [field_text(field, value) for value in (None, float("nan"))] == ["none", "none"]
    assert field_text("learner.buffer_size", 500) == "500"
