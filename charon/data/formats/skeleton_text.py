"""Parser of `.skeleton` files, NTU RGB+D's raw text.

The text: a line with the number of frames; a frame is a line with its number of bodies and
then, for each body, a line of 10 fields that begins with the body's id, a line with the
number of joints (25), and 25 lines of 12 fields that begin with x, y and z. Lines end with
CRLF, LF or CR; any white space separates fields. Fields other than the ids and x, y, z are
not used and may hold anything, ``NaN`` included.
"""

import codecs
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from charon.data.ntu import NUM_JOINTS
from charon.data.source import Recording
from charon.errors import DataError

_MOST_FRAMES = 100_000
"""An hour of NTU RGB+D's 30 frames a second; a frame without a body has two bytes in the file and
several hundred in memory."""
_BODY_LINES = 2 + NUM_JOINTS
# A camera sees about 5 metres. Beyond this a number is garbage, and the preparation's float32
# variances could overflow.
_MAX_METRES = 1e6

_JOINT = np.dtype([("xyz", np.float64, 3), ("unused", "S1", 9)])
_PLAIN_CHARACTERS = bytes(range(ord(" "), 127)) + b"\t\r\n"
"""Of others (a form feed, a no-break space), numpy and bytes.split disagree what is a space."""


def parse_skeleton(data: bytes, name: str) -> Recording:
    """Read the text of a `.skeleton` file, which errors call ``name``.

    x, y and z are rounded to double and then to float32, as numpy's text reading does. A byte
    order mark is passed over.

    Raises:
        DataError: ``data`` is empty, truncated or garbled; the message has the line (from 1)
            and the reason. Blank lines and decimal commas are called so where the text is right
            but for them.
    """
    data = _without_mark(data)
    try:
        return _parse(data, name)
    except DataError as error:
        raise _known_damage(data, name) or error from None


def _without_mark(data: bytes) -> bytes:
    """Return the text without a byte order mark, in UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace").encode()
    return data.removeprefix(codecs.BOM_UTF8)


def _known_damage(data: bytes, name: str) -> DataError | None:
    """Return the error for text that is right but for blank lines or decimal commas."""
    lines = data.splitlines()
    blank = next((index for index, line in enumerate(lines) if not line.strip()), None)
    comma = next((index for index, line in enumerate(lines) if b"," in line), None)
    points = data.replace(b",", b".")
    if blank is not None and _is_right(_without_blanks(lines)):
        reason = "there are blank lines between lines, perhaps because line ends were converted"
        return _fault(name, blank, reason, "remove them, for example with `sed -i '/^\\s*$/d'`")
    if comma is not None and _is_right(_without_blanks(points.splitlines())):
        reason = "numbers have decimal commas, as a program writes them in some countries"
        remedy = "write the file with decimal points, or replace them with `sed -i 's/,/./g'`"
        return _fault(name, comma, reason, remedy)
    return None


def _without_blanks(lines: Sequence[bytes]) -> bytes:
    return b"\n".join(line for line in lines if line.strip())


def _is_right(data: bytes) -> bool:
    try:
        _parse(data, "")
    except DataError:
        return False
    return True


def _parse(data: bytes, name: str) -> Recording:
    if not data.strip():
        raise DataError(f"{name} is empty; copy or download the file again.")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start)
        raise _fault(name, line, f"byte {error.start} is not UTF-8 text") from error
    lines = data.splitlines()
    num_frames = _read_count(lines, 0, name, "frames", lines_each=1)
    if num_frames > _MOST_FRAMES:
        reason = f"a clip has at most {_MOST_FRAMES:,} frames, but this has {num_frames:,}"
        raise _fault(name, 0, reason)
    frame: list[int] = []
    body_id: list[str] = []
    joint_lines: list[int] = []
    at = 1
    for index in range(num_frames):
        num_bodies = _read_count(lines, at, name, "bodies", lines_each=_BODY_LINES)
        at += 1
        for _ in range(num_bodies):
            frame.append(index)
            body_id.append(_split_fields(lines[at], name, at, "a body", 10)[0].decode())
            if lines[at + 1].strip() != b"25":
                reason = f"the number of joints must be {NUM_JOINTS}, but is "
                raise _fault(name, at + 1, reason + _shown(lines[at + 1]))
            joint_lines += range(at + 2, at + _BODY_LINES)
            at += _BODY_LINES
    for index in range(at, len(lines)):
        if lines[index].strip():
            raise _fault(name, index, f"there is text after the last of {num_frames} frames")
    xyz = None
    if not data.translate(None, _PLAIN_CHARACTERS):
        xyz = _read_joints([lines[index] for index in joint_lines])
    if xyz is None:
        xyz = np.array([_read_joint(lines[index], name, index) for index in joint_lines])
    return Recording(
        name=name,
        num_frames=num_frames,
        frame=np.array(frame, dtype=np.int64),
        body_id=tuple(body_id),
        xyz=xyz.astype(np.float32).reshape(-1, NUM_JOINTS, 3),
    )


def _read_count(lines: Sequence[bytes], index: int, name: str, what: str, lines_each: int) -> int:
    """Return the number of ``what`` that the line announces; there must be lines for them."""
    if index >= len(lines):
        reason = f"the file ends here, where the number of {what} should follow"
        raise _fault(name, len(lines) - 1, reason)
    try:
        count = int(lines[index][:40])
    except ValueError:
        reason = f"the number of {what} must be a whole number, but is {_shown(lines[index])}"
        raise _fault(name, index, reason) from None
    if count < 0:
        raise _fault(name, index, f"the number of {what} must be 0 or more, but is {count}")
    left = len(lines) - index - 1
    if count * lines_each > left:
        reason = f"{count} {what} need at least {count * lines_each} more lines, but only {left}"
        raise _fault(name, index, f"{reason} follow; the file is cut short or garbled")
    return count


def _read_joints(lines: list[bytes]) -> NDArray[np.float64] | None:
    """Return x, y, z (line, 3) several times as fast as a line at a time, or None on any fault."""
    try:
        xyz = np.loadtxt(lines, dtype=_JOINT, comments=None, ndmin=1)["xyz"] if lines else None
    except ValueError:
        return None
    # numpy skips empty lines.
    is_read = xyz is not None and len(xyz) == len(lines) and _are_positions(xyz)
    return xyz if is_read else None


def _read_joint(line: bytes, name: str, index: int) -> list[float]:
    fields = _split_fields(line, name, index, "a joint", 12)
    try:
        xyz = [float(field) for field in fields[:3]]
    except ValueError:
        reason = f"x, y and z must be numbers, but the line is {_shown(line)}"
        raise _fault(name, index, reason) from None
    if not _are_positions(np.array(xyz)):
        reason = f"x, y and z must be finite and within {_MAX_METRES:.0e} metres, but are "
        raise _fault(name, index, reason + _shown(b" ".join(fields[:3])))
    return xyz


def _are_positions(xyz: NDArray[np.float64]) -> bool:
    return bool((np.abs(xyz) <= _MAX_METRES).all())  # NaN compares as False


def _split_fields(line: bytes, name: str, index: int, what: str, count: int) -> list[bytes]:
    fields = line.split()
    if len(fields) != count:
        reason = f"the line of {what} must have {count} fields, but has {len(fields)}"
        raise _fault(name, index, f"{reason}: {_shown(line)}")
    return fields


def _fault(
    name: str, index: int, reason: str, remedy: str = "copy or download the file again"
) -> DataError:
    """Return the error for the line at ``index`` (from 0) of the file ``name``."""
    return DataError(f"{name}, line {index + 1}: {reason}; {remedy}.")


def _shown(text: bytes) -> str:
    """Return ``text`` in quotes, cut to what fits into a sentence."""
    return repr(text[:40].decode(errors="replace") + ("..." if len(text) > 40 else ""))
