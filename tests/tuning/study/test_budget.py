"""What the memories of a search may take: bytes, known before a setting runs."""

import pytest

from charon.errors import ConfigError
from charon.tuning.study.budget import parse_bytes


@pytest.mark.parametrize(
    ("text", "number"),
    [("72000", 72_000), ("500kB", 500_000), ("1.5MB", 1_500_000), ("2 GB", 2 * 10**9), ("9B", 9)],
)
def test_bytes_are_read_with_their_unit(text, number):
    assert parse_bytes(text) == number


@pytest.mark.parametrize("text", ["", "0", "-5kB", "1.5 MiB", "many", "nan", "inf"])
def test_what_is_no_number_of_bytes_is_an_error(text):
    with pytest.raises(ConfigError, match="number of bytes"):
        parse_bytes(text)
