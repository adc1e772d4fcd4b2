"""x, y and z of the joint lines of `.skeleton` text: a fast reader and a plain one.

The fast one handles text of the usual form, or declines. The plain one goes line by line; it
accepts every well-formed file and says what is wrong with any other.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charon.data.ntu import NUM_JOINTS
from charon.errors import DataError

JOINT_FIELDS = 12
# A camera sees about 5 metres. Beyond this a number is garbage, and the preparation's float32
# variances could overflow.
MAX_METRES = 1e6


def fault(name: str, index: int, reason: str) -> DataError:
    """Return the error for the line at ``index`` (from 0) of the file ``name``."""
    return DataError(f"{name}, line {index + 1}: {reason}; copy or download the file again.")


def shown(text: bytes) -> str:
    """Return ``text`` in quotes, cut to what fits into a sentence."""
    return repr(text[:40].decode(errors="replace") + ("..." if len(text) > 40 else ""))


def read_usual_joints(
    data: bytes, num_lines: int, first_line: Sequence[int]
) -> NDArray[np.float64] | None:
    """Return x, y, z of the joints (3 a line), or None if the text is unusual or wrong.

    Args:
        data: the whole file.
        num_lines: its number of lines, however they end.
        first_line: where the 25 joint lines of each appearance begin; all lines exist.
    """
    text = np.frombuffer(data, dtype=np.uint8)
    line_end = np.flatnonzero(text == ord("\n"))
    space = np.flatnonzero(text == ord(" "))
    num_controls = num_lines + data.count(b"\r")
    if (
        not first_line
        or len(line_end) != num_lines
        or text[-1] != ord("\n")
        or np.count_nonzero(text < ord(" ")) != num_controls
    ):
        return None
    line = np.add.outer(first_line, np.arange(NUM_JOINTS)).ravel()
    start = line_end[line - 1] + 1
    first_space = np.searchsorted(space, start)
    num_spaces = np.searchsorted(space, line_end[line]) - first_space
    # A space at the begin of a line, or before white space, does not end a field.
    if (
        (num_spaces != JOINT_FIELDS - 1).any()
        or (text[start] <= ord(" ")).any()
        or (text[space + 1] <= ord(" ")).any()
    ):
        return None
    begin = np.stack([start, space[first_space] + 1, space[first_space + 1] + 1], axis=1)
    end = space[np.add.outer(first_space, np.arange(3))]
    try:
        xyz = _read_decimals(data, text, begin.ravel(), end.ravel())
    except ValueError:
        return None
    return xyz if _are_positions(xyz).all() else None


_WHOLE, _FRACTION = 3, 12
"""Digits before and after the point that are read at once: 15 of them are exact in float64."""
_PLACES = np.concatenate([np.arange(-_WHOLE, 0), np.arange(1, _FRACTION + 1)]).astype(np.int32)
"""Where they stand, counted from the point."""
_POWERS = 10.0 ** np.arange(_WHOLE + _FRACTION - 1, -1, -1)


def _read_decimals(
    data: bytes, text: NDArray[np.uint8], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Read the numbers in ``data[begin:end]``, all together where they are plain decimals.

    Their digits make a whole number below 10^15, exact in float64, and one division by a power
    of ten rounds it: to the same float64 that ``float`` gives, which reads all others.

    Raises:
        ValueError: one is no number.
    """
    points = np.append(np.flatnonzero(text == ord(".")), len(text))
    point = points[np.searchsorted(points, begin)]
    is_negative = text[begin] == ord("-")
    first = begin + is_negative
    is_plain = (point < end) & (point - first <= _WHOLE) & (end - point <= _FRACTION + 1)
    is_plain &= end - first > 1
    place = point.astype(np.int32)[:, None] + _PLACES
    inside = (place >= first[:, None]) & (place < end[:, None])
    digit = text.take(place, mode="clip") - np.uint8(ord("0"))  # wraps around below "0"
    digit[~inside] = 0
    is_plain &= (digit <= 9).all(axis=1)
    value = (digit.astype(np.float64) @ _POWERS) / 10.0**_FRACTION
    value[is_negative] *= -1
    for row in np.flatnonzero(~is_plain).tolist():
        value[row] = float(data[begin[row] : end[row]])
    return value


def _are_positions(xyz: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.abs(xyz) <= MAX_METRES)  # NaN compares as False


def read_joints(
    lines: Sequence[bytes], first_line: Sequence[int], name: str
) -> NDArray[np.float64]:
    """Return x, y, z of the 25 lines that begin at each of ``first_line``, line by line."""
    xyz = np.zeros((len(first_line) * NUM_JOINTS, 3))
    for row, index in enumerate(
        first + joint for first in first_line for joint in range(NUM_JOINTS)
    ):
        fields = lines[index].split()
        if len(fields) != JOINT_FIELDS:
            raise fault(
                name,
                index,
                f"the line of a joint must have {JOINT_FIELDS} fields, but has {len(fields)}: "
                f"{shown(lines[index])}",
            )
        try:
            xyz[row] = [float(field) for field in fields[:3]]
        except ValueError:
            raise fault(
                name, index, f"x, y and z must be numbers, but the line is {shown(lines[index])}"
            ) from None
        if not _are_positions(xyz[row]).all():
            raise fault(
                name,
                index,
                f"x, y and z must be finite and within {MAX_METRES:.0e} metres, but are "
                f"{shown(b' '.join(fields[:3]))}",
            )
    return xyz
