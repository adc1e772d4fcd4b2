"""Plain values are checked against declared types, and what does not fit is said with its place."""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

import pytest

from charon.plain import Misfit, conform


@dataclass(frozen=True)
class Point:
    x: float
    names: tuple[str, ...] = ()
    tags: dict[str, int] = field(default_factory=dict)


class Event(TypedDict):
    kind: str
    trial: NotRequired[str]


@pytest.mark.parametrize(
    ("value", "kind", "made"),
    [
        (1, int, 1),
        (1, float, 1),
        (None, int | None, None),
        ([1, 2], list[int], [1, 2]),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([1, "a"], tuple[int, str], (1, "a")),
        ({"a": [None, 0.5]}, dict[str, list[float | None]], {"a": [None, 0.5]}),
        ("b", Literal["a", "b"], "b"),
        ([{"any": [{}]}], Any, [{"any": [{}]}]),
        ({"x": 1}, Point, Point(1)),
        ({"x": 1, "names": ["a"], "tags": {"t": 1}}, Point, Point(1, ("a",), {"t": 1})),
        ({"kind": "k", "more": 1}, Event, {"kind": "k", "more": 1}),
        (True, bool | int | str | None, True),
    ],
)
def test_a_value_of_its_type_is_returned(value, kind, made):
    assert conform(value, kind) == made


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        (True, int, "it must be a whole number, but is True"),
        (0.5, int, "it must be a whole number, but is 0.5"),
        (math.nan, float, "it must be a finite number below 2**63, but is nan"),
        (10**400, int, "but is a whole number of more than 40 digits"),
        (2**63, float, "it must be a finite number below 2**63"),
        ("a" * 1000, int, "but is 'aaa"),
        ({}, list[int], "it must be a list, but is {}"),
        ([1, "a"], list[int], "[1] must be a whole number, but is 'a'"),
        ([1], tuple[int, str], "it must be a list of 2, but is [1]"),
        ({"a": {"b": [1, None]}}, dict[str, dict[str, list[int]]], "a.b[1] must be a whole number"),
        ([], dict[str, int], "it must be an object of named values, but is []"),
        ("c", Literal["a", "b"], "it must be 'a' or 'b', but is 'c'"),
        ([], Literal["a"], "it must be 'a', but is []"),
        ([], int | str | None, "it must be a whole number or text or nothing, but is []"),
        ({}, Point, "it has no x"),
        ({"x": 1, "y": 2}, Point, "it has 'y', which is not known"),
        ({"x": 1, "tags": {"t": "u"}}, Point, "tags.t must be a whole number, but is 'u'"),
        ({"trial": "a"}, Event, "it has no kind"),
        ({"kind": "a", "trial": None}, Event, "trial must be text, but is None"),
    ],
)
def test_another_is_refused_with_its_place(value, kind, said):
    with pytest.raises(Misfit) as error:
        conform(value, kind)
    assert said in str(error.value)
    assert len(str(error.value)) < 200


def test_a_value_nested_deeper_than_pythons_stack_is_refused_in_a_short_sentence():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(
        Misfit, match=r"^\[0\] must be a whole number, but is \[\[\[?\.\.\.\]?\]\]$"
    ):
        conform(deep, list[int])
