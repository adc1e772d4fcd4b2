"""NTU RGB+D's raw text: reads one `.skeleton` file into arrays, and writes such text.

The text: a line with the number of frames; a frame is a line with its number of bodies and
then, for each body, a line of 10 fields that begins with the body's id, a line with the
number of joints (25), and 25 lines of 12 fields that begin with x, y and z. Lines end with
CRLF or LF. Of all these fields only the ids and x, y, z are used, so the others may hold
anything, ``NaN`` included.

Text of the usual form is read all at once, any other line after line.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charon.data.formats.skeleton_lines import read_lines
from charon.data.formats.skeleton_usual import read_usual
from charon.data.ntu import NUM_JOINTS
from charon.errors import DataError

# The longest recording of NTU RGB+D takes a few megabytes; reading is bounded by this.
MAX_BYTES = 64 * 2**20

_JOINT_TEXT = "%.9g %.9g %.9g 0 0 0 0 0 0 0 0 2\n"


@dataclass(frozen=True)
class RawClip:
    """One recording as the file has it: who was seen in which frame, and where.

    An appearance is one body in one frame; appearances are in the order of the file.

    Attributes:
        name: what error messages call the recording, usually the path of its file.
        num_frames: frames of the recording, those without a body included.
        frame: int64 (appearance,), ascending, in ``range(num_frames)``.
        body_id: one id for each appearance, as in the file (17 digits in NTU RGB+D).
        xyz: float32 (appearance, 25, 3), metres; y up, z away from the camera.
    """

    name: str
    num_frames: int
    frame: NDArray[np.int64]
    body_id: tuple[str, ...]
    xyz: NDArray[np.float32]


def read_skeleton_file(path: Path) -> RawClip:
    """Read one `.skeleton` file.

    Raises:
        DataError: the file cannot be opened, or is not whole and well-formed `.skeleton`
            text; the message has the path, the line and the reason.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(too_large(str(path), size))
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    return parse_skeleton(data, str(path))


def too_large(name: str, size: int) -> str:
    """Return the sentence that refuses a file of ``size`` bytes."""
    return (
        f"{name} has {size / 2**20:.0f} MiB, but no recording has more than "
        f"{MAX_BYTES // 2**20} MiB: it is not a .skeleton file."
    )


def parse_skeleton(data: bytes, name: str) -> RawClip:
    """Read the text of one `.skeleton` file.

    x, y and z are rounded to double and then to float32, as numpy's own text reading does.

    Args:
        data: the whole file.
        name: what to call the file in errors.

    Raises:
        DataError: ``data`` is empty, truncated or garbled; the message has the line (from 1)
            and the reason.
    """
    read = read_usual(data) or read_lines(data, name)
    return RawClip(
        name=name,
        num_frames=read.num_frames,
        frame=read.frame,
        body_id=read.body_id,
        xyz=read.xyz.astype(np.float32).reshape(-1, NUM_JOINTS, 3),
    )


def format_skeleton(clip: RawClip) -> str:
    """Return ``clip`` as `.skeleton` text with LF line ends.

    x, y and z have 9 significant digits, so that :func:`parse_skeleton` gives the identical
    float32. What a :class:`RawClip` does not hold (hand states, depth and colour pixels,
    orientations) is written as 0, and every tracking state as 2 (tracked).

    Raises:
        ValueError: an id is empty or has white space, or the arrays do not fit each other.
    """
    num_seen = len(clip.body_id)
    if clip.frame.shape != (num_seen,) or clip.xyz.shape != (num_seen, NUM_JOINTS, 3):
        raise ValueError(
            f"{num_seen} ids need frame ({num_seen},) and xyz ({num_seen}, {NUM_JOINTS}, 3), "
            f"but got {clip.frame.shape} and {clip.xyz.shape}."
        )
    bodies: list[list[str]] = [[] for _ in range(clip.num_frames)]
    for index, body, xyz in zip(clip.frame.tolist(), clip.body_id, clip.xyz, strict=True):
        if body.split() != [body]:
            raise ValueError(f"A body id must be one word, but got {body!r}.")
        joints = (_JOINT_TEXT * NUM_JOINTS) % tuple(xyz.ravel().tolist())
        bodies[index].append(f"{body} 0 0 0 0 0 0 0 0 2\n{NUM_JOINTS}\n{joints}")
    frames = (f"{len(seen)}\n{''.join(seen)}" for seen in bodies)
    return f"{clip.num_frames}\n{''.join(frames)}"


def write_skeleton_file(path: Path, clip: RawClip) -> None:
    """Write ``clip`` as one `.skeleton` file; see :func:`format_skeleton`."""
    path.write_bytes(format_skeleton(clip).encode())
