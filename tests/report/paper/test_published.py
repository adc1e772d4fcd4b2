"""Published values beside cases that they compare with, and no others."""

import pytest
from report.made_studies import write_study

from charon.report.paper.published import published, why_not_comparable
from charon.report.results import read_results

M = "learner.buffer_size"


@pytest.mark.parametrize(
    ("method", "size", "protocol", "mean"),
    [
        ("CHARON", 500, "ntu60-xview", 73.60),
        ("CHARON", 2000, "ntu120-xsub", 59.23),
        ("DER++", 500, "ntu60-xsub", 57.22),
        ("FT", float("nan"), "ntu120-xset", 7.19),
    ],
)
def test_table_1(method, size, protocol, mean):
    run = {"method": method, M: size, "protocol": protocol}
    assert published("baselines", {}, run).mean == mean


def test_an_ablation_is_of_one_protocol_and_size():
    run = {"method": "CHARON", M: 500, "protocol": "ntu60-xview"}
    values = {"learner.masking_ratio": 0.6, "learner.gamma": 0.0}
    assert published("reconstruction", values, run).mean == 61.59
    assert published("reconstruction", values, {**run, M: 2000}) is None
    assert published("reconstruction", values, {**run, "protocol": "ntu60-xsub"}) is None


def test_another_class_order_has_no_published_value():
    run = {"method": "CHARON", M: 500, "protocol": "ntu60-xview"}
    assert published("baselines", {}, {**run, "data.class_order": "paper"}) is not None
    assert published("baselines", {}, {**run, "data.class_order": "shuffled(0)"}) is None


def test_what_the_paper_does_not_have_has_no_value():
    run = {"method": "X-DER", M: 500, "protocol": "ntu60-xview"}
    assert published("baselines", {}, run) is None
    assert published("own", {}, {**run, "method": "CHARON"}) is None


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"is_standin": True}, "stand-in"),
        ({"is_standin": False, "protocol": "own"}, "is not NTU"),
        ({"is_standin": False, "data": "ntu60-2d"}, "ntu60-2d has 2-D skeletons"),
        (
            {"is_standin": False, "protocol": "part of ntu60-xview: 12 of 60 classes"},
            "not all of its classes (part of ntu60-xview: 12 of 60 classes)",
        ),
        ({"is_standin": False, "scale": "small"}, "the scale is small"),
        ({"is_standin": False, "scale": "paper"}, ""),
        ({"is_standin": False, "scale": "paper", "tags": {"preset": "compact"}}, "is compact"),
        ({"is_standin": False, "scale": "paper", "tags": {"preset": "released"}}, ""),
        (
            {
                "is_standin": False,
                "scale": "paper",
                "options": {"settings": {}, "class_order": ["natural"]},
            },
            "the command line set data.class_order=natural",
        ),
    ],
)
def test_what_does_not_compare_says_why(tmp_path, other, reason):
    results = read_results(write_study(tmp_path, [{"seed": 0, "faa": 1.0}], **other))
    found = why_not_comparable(results)
    assert reason in found
    assert bool(found) == bool(reason)
