"""Sources of clips, and the formats that open them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Description:
    """What all clips of a set have in common.

    Attributes:
        name: short name of the set, e.g. ``"ntu60"``, ``"msr_action3d"``, ``"standin"``.
        class_names: in the order of the source's labels.
        num_joints: joints of a body (25 for NTU RGB+D).
        num_bodies: 1 or 2 body slots.
        num_channels: 2 or 3 coordinates a joint.
        centre_joint: the joint whose first position is the origin of a clip.
        bones: pairs of joints, for drawing; may be empty.
        parts: named groups of joints (semantic body parts); may be empty.
        is_ntu: labels and ids are those of NTU RGB+D: its protocols and class orders apply.
        is_standin: the clips are synthetic.
    """

    name: str
    class_names: tuple[str, ...]
    num_joints: int
    num_bodies: int
    num_channels: int
    centre_joint: int
    bones: tuple[tuple[int, int], ...] = ()
    parts: dict[str, tuple[int, ...]] = field(default_factory=dict)
    is_ntu: bool = False
    is_standin: bool = False


@dataclass(frozen=True)
class SourceClip:
    """One prepared clip: centred, neither cropped nor resampled.

    Attributes:
        name: unique within the set.
        x: float32 (frame, body, joint, channel), metres; an absent body is all zeros.
        label: 0-based class in the source's order.
        subject, camera, setup, replication: ids from 1; 0 where the source has none.
        in_train: the source's split: True train, False test, None where it has none.
        duplicated: body 2 of the source was an exact copy of body 1, and is zero in ``x``.
    """

    name: str
    x: NDArray[np.float32]
    label: int
    subject: int = 0
    camera: int = 0
    setup: int = 0
    replication: int = 0
    in_train: bool | None = None
    duplicated: bool = False


@dataclass(frozen=True)
class Unreadable:
    """A clip that could not be read, with the place and the reason in one sentence."""

    name: str
    reason: str


class Source(Protocol):
    """A set of clips in some format."""

    @property
    def description(self) -> Description:
        """What all clips have in common."""
        ...

    def identity(self) -> str:
        """Return a string that changes whenever the clips may have changed; read no clip.

        It names the cache: path, size and time of the files, and options of the preparation.
        """
        ...

    def __len__(self) -> int:
        """Return the number of clips, readable or not."""
        ...

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in the set's order, using up to ``workers`` processes or threads."""
        ...


def file_identity(kind: str, path: Path) -> str:
    """Return the identity of a file: it changes with path, size or time."""
    status = path.stat()
    return f"{kind} {path.resolve()} {status.st_size} {status.st_mtime_ns}"


@dataclass(frozen=True)
class Format:
    """A kind of data that a path can name.

    Attributes:
        takes: a noun phrase for help and errors, such as ``a .pkl of PYSKL``.
        open: makes the source of an existing path, or of one of ``names``.
        recognises: tells whether an existing file or folder is of this format, by its name.
        names: words that stand for generated data.
        keeps_gaps: whether ``open`` takes the option ``keep_gaps``.
    """

    takes: str
    open: Callable[..., Source]
    recognises: Callable[[Path], bool] = lambda path: False
    names: tuple[str, ...] = ()
    keeps_gaps: bool = False
