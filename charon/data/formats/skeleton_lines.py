"""NTU RGB+D's raw text, read line after line: every well-formed file is accepted.

Of any other file it is said what is wrong in which line.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from charon.data.ntu import NUM_JOINTS
from charon.errors import DataError

BODY_FIELDS = 10
JOINT_FIELDS = 12
BODY_LINES = 2 + NUM_JOINTS
# A camera sees about 5 metres. Beyond this a number is garbage, and the preparation's float32
# variances could overflow.
MAX_METRES = 1e6


class Recording(NamedTuple):
    """What a file says of its appearances, in its order; one is a body in a frame.

    Attributes:
        num_frames: frames of the recording, those without a body included.
        frame: int64 (appearance,).
        body_id: one id for each appearance.
        xyz: float64 (25 * appearance, 3), metres.
    """

    num_frames: int
    frame: NDArray[np.int64]
    body_id: tuple[str, ...]
    xyz: NDArray[np.float64]


def read_lines(data: bytes, name: str) -> Recording:
    """Return what the text says.

    Args:
        data: the whole file.
        name: what to call the file in errors.

    Raises:
        DataError: ``data`` is empty, truncated or garbled; the message has the line (from 1)
            and the reason.
    """
    lines = _split_lines(data, name)
    num_frames = _read_count(lines, 0, name, "frames", lines_each=1)
    frame: list[int] = []
    body_id: list[str] = []
    first_joint_line: list[int] = []
    at = 1
    for index in range(num_frames):
        num_bodies = _read_count(lines, at, name, "bodies", lines_each=BODY_LINES)
        at += 1
        for _ in range(num_bodies):
            body_id.append(_read_body_id(lines, at, name))
            frame.append(index)
            first_joint_line.append(at + 2)
            at += BODY_LINES
    for index in range(at, len(lines)):
        if lines[index].strip():
            raise _fault(name, index, f"there is text after the last of {num_frames} frames")
    return Recording(
        num_frames,
        np.array(frame, dtype=np.int64),
        tuple(body_id),
        _read_joints(lines, first_joint_line, name),
    )


def are_positions(xyz: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which numbers are finite and no garbage."""
    return np.asarray(np.abs(xyz) <= MAX_METRES)  # NaN compares as False


def _split_lines(data: bytes, name: str) -> list[bytes]:
    if not data.strip():
        raise DataError(f"{name} is empty; copy or download the file again.")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start)
        raise _fault(name, line, f"byte {error.start} is not UTF-8 text") from error
    return data.splitlines()


def _read_count(lines: Sequence[bytes], index: int, name: str, what: str, lines_each: int) -> int:
    """Return the number of ``what`` that the line announces; there must be lines for them."""
    if index >= len(lines):
        raise _fault(
            name,
            len(lines) - 1,
            f"the file ends here, where the number of {what} should follow",
        )
    try:
        count = int(lines[index])
    except ValueError:
        raise _fault(
            name,
            index,
            f"the number of {what} must be a whole number, but is {_shown(lines[index])}",
        ) from None
    if count < 0:
        raise _fault(name, index, f"the number of {what} must be 0 or more, but is {count}")
    left = len(lines) - index - 1
    if count * lines_each > left:
        raise _fault(
            name,
            index,
            f"{count} {what} need at least {count * lines_each} more lines, but only {left} "
            f"follow; the file is cut short or garbled",
        )
    return count


def _read_body_id(lines: Sequence[bytes], index: int, name: str) -> str:
    """Return the id of the body that begins at the line ``index``; check its joint count."""
    fields = lines[index].split()
    if len(fields) != BODY_FIELDS:
        raise _fault(
            name,
            index,
            f"the line of a body must have {BODY_FIELDS} fields, but has {len(fields)}: "
            f"{_shown(lines[index])}",
        )
    if lines[index + 1].strip() != b"25":
        raise _fault(
            name,
            index + 1,
            f"the number of joints must be {NUM_JOINTS}, but is {_shown(lines[index + 1])}",
        )
    return fields[0].decode()


def _read_joints(
    lines: Sequence[bytes], first_line: Sequence[int], name: str
) -> NDArray[np.float64]:
    """Return x, y, z of the 25 lines that begin at each of ``first_line``, line by line."""
    xyz = np.zeros((len(first_line) * NUM_JOINTS, 3))
    for row, index in enumerate(
        first + joint for first in first_line for joint in range(NUM_JOINTS)
    ):
        fields = lines[index].split()
        if len(fields) != JOINT_FIELDS:
            raise _fault(
                name,
                index,
                f"the line of a joint must have {JOINT_FIELDS} fields, but has {len(fields)}: "
                f"{_shown(lines[index])}",
            )
        try:
            xyz[row] = [float(field) for field in fields[:3]]
        except ValueError:
            raise _fault(
                name, index, f"x, y and z must be numbers, but the line is {_shown(lines[index])}"
            ) from None
        if not are_positions(xyz[row]).all():
            raise _fault(
                name,
                index,
                f"x, y and z must be finite and within {MAX_METRES:.0e} metres, but are "
                f"{_shown(b' '.join(fields[:3]))}",
            )
    return xyz


def _fault(name: str, index: int, reason: str) -> DataError:
    """Return the error for the line at ``index`` (from 0) of the file ``name``."""
    return DataError(f"{name}, line {index + 1}: {reason}; copy or download the file again.")


def _shown(text: bytes) -> str:
    """Return ``text`` in quotes, cut to what fits into a sentence."""
    return repr(text[:40].decode(errors="replace") + ("..." if len(text) > 40 else ""))
