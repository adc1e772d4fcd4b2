"""Numbers, durations, sizes and errors as text for people."""

import pytest

from charon.text import byte_size, clock, counted, duration, first_line, seeds_text


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


def test_numbers_agree_with_their_nouns():
    assert [counted(n, "clip") for n in (0, 1, 2880)] == ["0 clips", "1 clip", "2,880 clips"]
    assert [seeds_text(seeds) for seeds in ([1], [1, 2])] == ["seed 1", "seeds 1, 2"]


def test_a_measured_duration_is_a_clock():
    assert [clock(s) for s in (1.24, 9.96, 75, 3675)] == ["1.2 s", "0:10", "1:15", "1:01:15"]


def test_an_estimated_duration_has_its_usual_unit():
    assert [duration(s) for s in (40, 600, 11000)] == ["40 s", "10 min", "3.1 h"]


def test_bytes_have_their_unit():
    sizes = [byte_size(n) for n in (9, 72_000, 1_500_000, 2_345_678_901)]
    assert sizes == ["9 B", "72 kB", "1.5 MB", "2.346 GB"]
    assert byte_size(28_760, 3) == "28.8 kB"
