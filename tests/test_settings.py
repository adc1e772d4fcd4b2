"""Fields that check themselves, and their values as a command line gives them."""

import dataclasses

import pytest

from charon.errors import ConfigError
from charon.settings import Settings, checked, describe, did_you_mean, parse_field


@dataclasses.dataclass(frozen=True)
class Own(Settings):
    """What a user's own learner might have."""

    share: float = checked(0.5, "a share", above=0, at_most=1)
    count: int | None = checked(None, "how many", at_least=1)


def test_ones_own_settings_check_themselves():
    assert Own(share=1).share == 1.0
    assert Own(count=None).count is None
    for wrong in ({"share": 0}, {"share": 1.1}, {"count": 0}, {"count": "2"}, {"count": 1.5}):
        with pytest.raises(ConfigError):
            Own(**wrong)
    assert describe(Own) == [
        ("share", "float > 0 <= 1", "a share"),
        ("count", "int | None >= 1", "how many"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=3", 3),
        ("a.b = 0.5", 0.5),
        ("a.b=1e-3", 0.001),
        ("a.b=True", True),
        ("a.b=false", False),
        ("a.b=None", None),
        ("a.b=4,4,2", "4,4,2"),
        ("a.b=x=y", "x=y"),
        ("a.b=", ""),
    ],
)
def test_a_value_is_what_it_looks_like(text, value):
    name, found = parse_field(text)
    assert name == "a.b"
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["a.b", "=3", ""])
def test_a_field_needs_a_name_and_a_value(text):
    with pytest.raises(ConfigError, match="FIELD=VALUE"):
        parse_field(text)


def test_an_unknown_name_is_answered_with_the_closest_or_with_all():
    assert did_you_mean("alpa", ["alpha", "beta"]) == "did you mean 'alpha'?"
    assert did_you_mean("x", ["alpha", "beta"]) == "known are alpha, beta."


def test_the_last_part_of_a_dotted_name_is_enough_to_be_understood():
    assert did_you_mean("epochs", ["data.path", "optimiser.epochs"]) == (
        "did you mean 'optimiser.epochs'?"
    )
