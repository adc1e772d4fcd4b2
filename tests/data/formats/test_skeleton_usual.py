"""Numbers are read all together, and each as Python reads it, to the last bit."""

import numpy as np
import pytest
from data.raw_clips import random_raw_clip

from charon.data.formats.skeleton_lines import read_lines
from charon.data.formats.skeleton_text import format_skeleton
from charon.data.formats.skeleton_usual import read_decimals, read_usual

FORMS = ("%.9g", "%.7f", "%.3f", "%.12f", "%.15g", "%g", "%.1f", "%+.5f", "%e", "%.0f")


def read(words):
    """Read words that stand in a text, with other characters before and behind them."""
    before, behind = b"0123456\n", b" 0.5 12\r\n"
    data = before + " ".join(words).encode() + behind
    lengths = np.array([len(word) for word in words])
    end = len(before) + np.cumsum(lengths + 1) - 1
    return read_decimals(data, end - lengths, end)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_number_is_the_one_python_reads(form):
    rng = np.random.default_rng(0)
    numbers = rng.normal(0, 1, 2000) * 10.0 ** rng.integers(-9, 4, 2000)
    words = [form % number for number in numbers]
    found, expected = read(words), np.array([float(word) for word in words])
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_unusual_numbers_among_usual_ones():
    words = ["0.25", "-.5", "5.", "-0.0", "007.125", "1234.5", "1e-5", "-3", "0", "2.5E1", ".75"]
    assert read(words).tolist() == [float(word) for word in words]
    assert np.isnan(read(["0.5", "nan"])[1])


@pytest.mark.parametrize(
    "word", ["1.2.3", "1.5-2.5", "abc", "-", ".", "0x1.8", "1.2f", "--1.0", "1:5"]
)
def test_what_is_no_number_is_refused(word):
    with pytest.raises(ValueError, match="could not convert"):
        read(["0.25", word, "0.5"])


GARBAGE = [b" ", b"\n", b"\r", b"\r\n", b"\t", b"\0", b"-", b".", b"9", b"1", b"", b"\x85", b"e"]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_read_at_once_is_what_is_read_line_by_line(seed, newline):
    # One to three changes of a short file: most are refused, none may be read otherwise.
    rng = np.random.default_rng(seed)
    lines = format_skeleton(random_raw_clip(seed, num_frames=3)).splitlines()
    text = "".join(line + newline for line in lines).encode()
    num_usual = 0
    for _ in range(400):
        data = text
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(len(data)))
            if rng.random() < 0.5:  # where structure is, rather than in the midst of a number
                at = max(data.rfind(b"\n", 0, at), 0)
            change = GARBAGE[rng.integers(len(GARBAGE))]
            data = data[:at] + change + data[at + int(rng.integers(3)) :]
        usual = read_usual(data)
        if usual is not None:
            num_usual += 1
            plain = read_lines(data, "a")  # refuses nothing that was accepted
            assert usual.num_frames == plain.num_frames
            assert usual.body_id == plain.body_id
            np.testing.assert_array_equal(usual.frame, plain.frame)
            np.testing.assert_array_equal(usual.xyz, plain.xyz)
    assert num_usual > 20
