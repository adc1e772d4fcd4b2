"""Numbers and errors as sentences have them."""

import pytest

from charon.text import first_line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("It is wrong.\nMore of it.\n"), "It is wrong"),
        (ValueError("\n  some table\n"), "some table"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_an_error_is_told_by_its_first_line_or_its_name(error, line):
    assert first_line(error) == line
