"""Raw recordings, sources of prepared clips, how they are read, and the formats that open them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Description:
    """What all clips of a set have in common."""

    name: str  # short: "ntu60", "msr_action3d", "standin"
    class_names: tuple[str, ...]  # in the order of the source's labels
    num_joints: int  # of a body
    num_bodies: int  # 1 or 2 slots
    num_channels: int  # 2 or 3 coordinates of a joint, or 2 and the score of its detection
    centre_joint: int  # its first position is the origin of a clip
    bones: tuple[tuple[int, int], ...] = ()  # (parent, child) joints; empty if not known
    parts: dict[str, tuple[int, ...]] = field(default_factory=dict)  # joints of semantic body parts
    is_ntu: bool = False  # labels, ids, protocols and class orders are those of NTU RGB+D
    is_standin: bool = False  # the clips are synthetic

    def __post_init__(self) -> None:
        if not (self.num_joints >= 1 and 1 <= self.num_bodies <= 2 and 2 <= self.num_channels <= 3):
            raise ValueError(f"a frame cannot be of bodies, joints, channels {self.frame_shape}")
        named = [self.centre_joint, *chain(*self.bones), *chain(*self.parts.values())]
        if not 0 <= min(named) <= max(named) < self.num_joints:
            raise ValueError(f"a joint is not among the {self.num_joints} of a body")

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """Bodies, joints and channels of a frame."""
        return self.num_bodies, self.num_joints, self.num_channels


@dataclass(frozen=True)
class Recording:
    """The output of a camera's software; an appearance is a body in a frame."""

    name: str  # for errors, usually the path of the file
    num_frames: int  # those without a body included
    frame: NDArray[np.int64]  # (appearance,), ascending, in range(num_frames)
    body_id: tuple[str, ...]  # of each appearance (17 digits in NTU RGB+D)
    xyz: NDArray[np.float32]  # (appearance, 25, 3), metres; y up, z away from the camera


@dataclass(frozen=True)
class SourceClip:
    """A prepared clip: centred, neither cropped nor resampled."""

    name: str  # unique within the set
    x: NDArray[np.float32]  # (frame, body, joint, channel), metres; an absent body is all zeros
    label: int  # 0-based class in the source's order
    subject: int = 0  # an id from 1; 0 where the source has none, as in the next three
    camera: int = 0
    setup: int = 0
    replication: int = 0
    in_train: bool | None = None  # the source's split: True train, False test, None without one
    duplicated: bool = False  # body 2 of the source was a copy of body 1, and is zero in ``x``


@dataclass(frozen=True)
class Unreadable:
    """A clip that could not be read, with the place and the reason in a sentence."""

    name: str
    reason: str


class Source(Protocol):
    """A set of clips."""

    @property
    def description(self) -> Description:
        """What all clips have in common."""

    def identity(self) -> str:
        """Return a string that changes whenever the clips may have changed; read no clip.

        It names the cache: path, size and time of the files, and options of the preparation.
        """

    def __len__(self) -> int:
        """Return the number of clips, readable or not."""

    def clips(self, workers: int) -> Iterator[SourceClip | Unreadable]:
        """Yield every clip in the set's order, using up to ``workers`` processes or threads."""

    def notes(self) -> Sequence[str]:
        """Return what was read otherwise than it is written, a sentence each without full stop.

        They are complete when all clips have been read.
        """


class SourceFile:
    """What all sources in one file share."""

    kind: ClassVar[str]

    def __init__(self, path: Path) -> None:
        self._path = path

    def identity(self) -> str:
        """Return a string that changes with the file's path, size or time."""
        status = self._path.stat()
        return f"{self.kind} {self._path.resolve()} {status.st_size} {status.st_mtime_ns}"

    def notes(self) -> Sequence[str]:
        """Return nothing: all is read as it is written."""
        return ()


Scores = Literal["threshold", "channel"]
"""What becomes of the scores of detected joints; see :class:`Reading`."""


@dataclass(frozen=True)
class Reading:
    """How a source is read, where its file leaves a choice; the defaults choose nothing.

    A format acts on some of these (:attr:`Format.options`) and is refused the others.
    """

    keep_gaps: bool = False  # leave the gaps in a body's track where they were
    axes: str = "auto"  # the order of an array's axes, such as "NTVCM"
    split: str = "auto"  # the training list of several, "train2", or both, "train2/test2"
    scores: Scores = "threshold"  # "channel": scores of joints are a third channel as well
    min_score: float = 0.01  # a joint with this score or a smaller one is absent
    benchmark: str = "auto"  # the protocol that a file holds; any format may be told it


@dataclass(frozen=True)
class Format:
    """A kind of data that a path can name."""

    takes: str  # a noun phrase for help and errors, such as "a .pkl of PYSKL"
    open: Callable[..., Source]  # makes the source of an existing path, or of one of ``names``
    recognises: Callable[[Path], bool] = lambda path: False  # an existing path, by a short look
    names: tuple[str, ...] = ()  # words that stand for generated data
    options: tuple[str, ...] = ()  # fields of Reading that ``open`` takes by keyword
