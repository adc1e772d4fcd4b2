"""NTU RGB+D's raw text of the usual form, read all at once.

Usual is ASCII with single spaces between fields and the same line end, LF or CRLF, after every
line. Then fields are what lies between one gap (a space or a line end) and the next, and the
numbers of bodies alone say which gap ends which field. Every gap is compared with what it
should be, so that nothing is accepted here that the reader of line after line refuses.
"""

import numpy as np
from numpy.typing import NDArray

from charon.data.formats.skeleton_lines import BODY_FIELDS, JOINT_FIELDS, Recording, are_positions
from charon.data.ntu import NUM_JOINTS

_CR, _LF, _SPACE, _MINUS, _POINT, _ZERO = b"\r\n -.0"

# The gaps of a body, counted from the line end before it: a line of 10 fields, one of 1 field,
# and 25 lines of 12.
_LINE_ENDS = np.cumsum([BODY_FIELDS, 1, *[JOINT_FIELDS] * NUM_JOINTS])
_AROUND_XYZ = _LINE_ENDS[1:-1, None] + np.arange(4)
_GAPS_OF_BODY = int(_LINE_ENDS[-1])
_MOST_DIGITS = 9
"""Of a number of frames or bodies; larger ones are for the other reader to refuse."""


def read_usual(data: bytes) -> Recording | None:
    """Return what the text says, or None if it is unusual, has no body at all, or is wrong.

    Args:
        data: the whole file.
    """
    text = np.frombuffer(data, dtype=np.uint8)
    is_cr = text == _CR
    has_cr = bool(is_cr.any())
    gap = np.flatnonzero((text <= _SPACE) ^ is_cr if has_cr else text <= _SPACE)
    if not gap.size or gap[0] == 0 or gap[-1] != len(text) - 1 or not data.isascii():
        return None
    counts = _count_bodies(data, gap, has_cr=has_cr)
    if counts is None or not any(counts):
        return None
    frame = np.repeat(np.arange(len(counts)), counts)
    # Before a body are the ends of the first line, of its frame's and the former frames' lines
    # with the number of bodies, and the gaps of the former bodies.
    before = 1 + frame + _GAPS_OF_BODY * np.arange(len(frame))
    line_end = gap[_line_ends(counts, before)]
    if (
        (np.diff(gap) == 1).any()
        or np.count_nonzero(text[gap] == _SPACE) != len(gap) - len(line_end)
        or (text[line_end] != _LF).any()
        or (has_cr and not _have_cr(text, line_end, int(np.count_nonzero(is_cr))))
        or not _have_all_joints(text, gap, before, has_cr=has_cr)
    ):
        return None
    around = gap[before[:, None, None] + _AROUND_XYZ].reshape(-1, 4)
    try:
        xyz = read_decimals(data, around[:, :3].ravel() + 1, around[:, 1:].ravel())
    except ValueError:
        return None
    if not are_positions(xyz).all():
        return None
    begins, ends = (gap[before] + 1).tolist(), gap[before + 1].tolist()
    ids = tuple(data[begin:end].decode() for begin, end in zip(begins, ends, strict=True))
    return Recording(len(counts), frame, ids, xyz.reshape(-1, 3))


def _count_bodies(data: bytes, gap: NDArray[np.int64], *, has_cr: bool) -> list[int] | None:
    """Return the number of bodies of each frame, if there are as many gaps as they need."""
    num_frames = _whole_number(data[: gap[0] - has_cr])
    if num_frames is None or num_frames >= len(gap):
        return None
    counts = []
    at, last = 0, len(gap) - 1
    for _ in range(num_frames):
        if at >= last:
            return None
        count = _whole_number(data[gap[at] + 1 : gap[at + 1] - has_cr])
        if count is None:
            return None
        counts.append(count)
        at += 1 + _GAPS_OF_BODY * count
    return counts if at == last else None


def _whole_number(word: bytes) -> int | None:
    return int(word) if word.isdigit() and len(word) <= _MOST_DIGITS else None


def _line_ends(counts: list[int], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which gaps should be line ends, each of them once; all others should be spaces."""
    former = np.cumsum([0, *counts[:-1]])
    count_ends = 1 + np.arange(len(counts)) + _GAPS_OF_BODY * former
    return np.concatenate([[0], count_ends, (before[:, None] + _LINE_ENDS).ravel()])


def _have_cr(text: NDArray[np.uint8], line_end: NDArray[np.int64], num_cr: int) -> bool:
    """Return whether every line ends with a field, CR and LF, and no other CR is there."""
    return (
        num_cr == len(line_end)
        and bool((text[line_end - 1] == _CR).all())
        and bool((text[line_end - 2] > _SPACE).all())
    )


def _have_all_joints(
    text: NDArray[np.uint8], gap: NDArray[np.int64], before: NDArray[np.int64], *, has_cr: bool
) -> bool:
    """Return whether the number of joints of every body is 25."""
    begin = gap[before + BODY_FIELDS] + 1
    end = gap[before + BODY_FIELDS + 1] - has_cr
    two, five = b"25"
    return bool(((end - begin == 2) & (text[begin] == two) & (text[begin + 1] == five)).all())


_MOST_PLACES = 14
"""Digits behind the point that are read at once: 15 in all are exact in float64."""
_WORD = 8
"""Characters in a uint64; the first is its lowest byte."""
_FIRST = np.array([256**count - 1 for count in range(_WORD + 1)], dtype=np.uint64)
"""Masks of the first so many characters of a word."""
_ZEROS = np.uint64(0x3030303030303030)
_TOP_BITS = np.uint64(0x8080808080808080)
_PAST_NINE = np.uint64(0x7676767676767676)
"""Added to a byte, sets its top bit if it is above 9 (and at most 127)."""
_JOINS = tuple(
    (np.uint64(width), np.uint64(values), np.uint64(kept))
    for width, values, kept in (
        (8, 10, 0x00FF00FF00FF00FF),
        (16, 100, 0x0000FFFF0000FFFF),
        (32, 10**4, 0x00000000FFFFFFFF),
    )
)
"""Bits of one number, how many values it has, and a mask of the pairs that are joined."""


def read_decimals(
    data: bytes, begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Read the numbers in ``data[begin:end]``, all together where they are plain decimals.

    Plain is a digit, as nobody is 10 metres from a camera, a point and up to 14 digits. They
    make a whole number below 10^15, exact in float64, and one division by a power of ten rounds
    it: to the same float64 that ``float`` gives, which reads all others.

    Args:
        data: text with at least 8 characters before and behind every number.
        begin: where each number begins.
        end: where each number ends.

    Raises:
        ValueError: one is no number.
    """
    text = np.frombuffer(data, dtype=np.uint8)
    words: NDArray[np.uint64] = np.frombuffer(data, "<u8", count=len(data) // _WORD)
    is_negative = text[begin] == _MINUS
    first = begin + is_negative
    whole = text[first] - np.uint8(_ZERO)  # wraps around below "0"
    places = end - first - 2
    is_plain = (whole <= 9) & (text[first + 1] == _POINT)
    is_plain &= (places >= 0) & (places <= _MOST_PLACES)
    places[~is_plain] = 0
    near, are_digits = _read_digits(words, first + 2, np.minimum(places, _WORD))
    is_plain &= are_digits
    number = whole * np.uint64(10**_MOST_PLACES) + near * 10 ** (_MOST_PLACES - _WORD)
    long = np.flatnonzero(places > _WORD)
    far, are_digits = _read_digits(words, first[long] + 2 + _WORD, places[long] - _WORD)
    is_plain[long] &= are_digits
    number[long] += far // 10 ** (2 * _WORD - _MOST_PLACES)
    scale = np.where(is_negative, -(10.0**_MOST_PLACES), 10.0**_MOST_PLACES)
    value: NDArray[np.float64] = number / scale
    for row in np.flatnonzero(~is_plain).tolist():
        value[row] = float(data[begin[row] : end[row]])
    return value


def _read_digits(
    words: NDArray[np.uint64], begin: NDArray[np.int64], count: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return the number of 8 digits at each ``begin``, and whether they are digits.

    Args:
        words: the text.
        begin: where in the text each number begins.
        count: so many of them are read, 0 to 8; the others count as the digit 0.
    """
    # Where the text ends first, only characters that are not read are beyond its last word.
    index, bits = begin >> 3, (begin & 7).view(np.uint64) << np.uint64(3)
    lower = words.take(index, mode="clip") >> bits
    upper = words.take(index + 1, mode="clip") << np.uint64(8) << (np.uint64(56) - bits)
    number: NDArray[np.uint64] = ((lower | upper) ^ _ZEROS) & _FIRST.take(count)
    are_digits: NDArray[np.bool_] = ((number + _PAST_NINE) | number) & _TOP_BITS == 0
    for width, values, kept in _JOINS:
        number = (number * values + (number >> width)) & kept
    return number, are_digits
