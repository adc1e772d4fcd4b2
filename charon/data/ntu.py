"""Facts about NTU RGB+D 60 and 120: classes, joints, names, protocols.

Source: Shahroudy et al. (CVPR 2016) and Liu et al. (TPAMI 2020).
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from charon.data.source import Description, SourceClip
from charon.errors import DataError

Benchmark = Literal[
    "ntu60-xsub", "ntu60-xview", "ntu120-xsub", "ntu120-xset", "ntu120new-xsub", "ntu120new-xset"
]
"""The field's four protocols; the `new` ones have only the classes that NTU RGB+D 60 lacks."""
BENCHMARKS: tuple[Benchmark, ...] = get_args(Benchmark)

NPZ_FILES: dict[str, Benchmark] = {
    "NTU60_XSub.npz": "ntu60-xsub",
    "NTU60_CS.npz": "ntu60-xsub",
    "NTU60_XView.npz": "ntu60-xview",
    "NTU60_CV.npz": "ntu60-xview",
    "NTU120_XSub.npz": "ntu120-xsub",
    "NTU120_CSub.npz": "ntu120-xsub",
    "NTU120_XSet.npz": "ntu120-xset",
    "NTU120_CSet.npz": "ntu120-xset",
}
"""The protocols of the field's padded files, by their names."""


def resource_lines(resource: str) -> list[str]:
    """Return the lines of a text file that lies beside this module."""
    return files("charon.data").joinpath(resource).read_text(encoding="utf-8").splitlines()


CLASS_NAMES: tuple[str, ...] = tuple(resource_lines("ntu_classes.txt"))
"""The 120 actions, A1 first: label 0 is A1. The first 60 are NTU RGB+D 60's."""

TWO_PERSON: frozenset[int] = frozenset([*range(49, 60), *range(105, 120)])
"""Labels of the classes acted by two people: A50-A60 and A106-A120."""

JOINT_NAMES: tuple[str, ...] = tuple(resource_lines("ntu_joints.txt"))
"""The 25 joints of Kinect v2, in the order of every NTU file."""

BONES: tuple[tuple[int, int], ...] = (
    *((0, 1), (1, 20), (20, 2), (2, 3)),
    *((20, 4), (4, 5), (5, 6), (6, 7), (7, 21), (7, 22)),
    *((20, 8), (8, 9), (9, 10), (10, 11), (11, 23), (11, 24)),
    *((0, 12), (12, 13), (13, 14), (14, 15)),
    *((0, 16), (16, 17), (17, 18), (18, 19)),
)
"""(parent, child) pairs: a tree that is rooted in joint 0, each parent before its children."""

PARTS: dict[str, tuple[int, ...]] = {
    "torso and head": (0, 1, 2, 3, 20),
    "left arm": (4, 5, 6, 7, 21, 22),
    "right arm": (8, 9, 10, 11, 23, 24),
    "left leg": (12, 13, 14, 15),
    "right leg": (16, 17, 18, 19),
}
"""The five semantic parts of the body; they share no joint."""

CENTRE_JOINT = 1  # spine mid: its first position is the origin of a clip
NUM_JOINTS = 25
NUM_BODIES = 2
MAX_FRAMES = 300  # of the longest clip, and of the field's padded files

_OF_60 = (1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38)
_ONLY_120 = (
    *(45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78),
    *(80, 81, 82, 83, 84, 85, 86, 89, 91, 92, 93, 94, 95, 97, 98, 100, 103),
)
XSUB_TRAIN: dict[int, frozenset[int]] = {60: frozenset(_OF_60), 120: frozenset(_OF_60 + _ONLY_120)}
"""Training performers of the cross-subject protocol, by number of classes."""

PAIRS: tuple[tuple[int, int], ...] = tuple(
    (int(setup), int(performer))
    for setup, performers in (line.split(":") for line in resource_lines("ntu_setups.txt"))
    for performer in performers.split()
)
"""All (setup, performer) pairs, ascending: 158 with setups 1-17, 318 in all."""


# A line is "SsssCccPpppRrrr a a a": the recording and its missing actions.
MISSING_NAMES: frozenset[str] = frozenset(
    f"{recording}A{int(action):03d}"
    for recording, *actions in map(str.split, resource_lines("ntu_missing.txt"))
    for action in actions
)
"""The 535 clips without a usable skeleton; 302 of them are NTU RGB+D 60's."""


def clip_names(pairs: Iterable[tuple[int, int]], num_classes: int) -> tuple[str, ...]:
    """Return the sorted names of what these (setup, performer) pairs perform, for all cameras."""
    names = (
        f"S{setup:03d}C{camera:03d}P{performer:03d}R{replication:03d}A{action:03d}"
        for setup, performer in pairs
        for camera in (1, 2, 3)
        for replication in (1, 2)
        # Setups 1-17 hold A1-A60 (NTU RGB+D 60), setups 18-32 hold A61-A120.
        for action in (range(1, 61) if setup <= 17 else range(61, 121))
        if action <= num_classes
    )
    return tuple(sorted(names))


@lru_cache(maxsize=2)
def all_names(num_classes: int) -> tuple[str, ...]:
    """Return the sorted names of the usable clips: 56,578 for 60 classes, 113,945 for 120."""
    return tuple(name for name in clip_names(PAIRS, num_classes) if name not in MISSING_NAMES)


class ClipIds(NamedTuple):
    """The ids in a clip's name, from 1, and its label, from 0."""

    setup: int
    camera: int
    performer: int
    replication: int
    label: int

    def clip(self, name: str, x: NDArray[np.float32], in_train: bool | None = None) -> SourceClip:
        """Return the clip with this label and these ids."""
        setup, camera, performer, replication, label = self
        return SourceClip(name, x, label, performer, camera, setup, replication, in_train)


_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")
_LARGEST_IDS = {"setup": 32, "camera": 3, "performer": 106, "replication": 2, "action": 120}


def parse_name(name: str) -> ClipIds:
    """Return the ids of a clip that is named SsssCccPpppRrrrAaaa.

    Raises:
        DataError: the name is not of this form, or an id is out of NTU's range.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise DataError(
            f"`{name}` is not a clip name of NTU RGB+D; it must read like S001C002P003R001A005."
        )
    ids = ClipIds(*map(int, match.groups()))
    for (what, largest), value in zip(_LARGEST_IDS.items(), ids, strict=True):
        if not 1 <= value <= largest:
            raise DataError(f"`{name}`: the {what} must be from 1 to {largest}, but is {value}.")
    return ids._replace(label=ids.label - 1)


def parse_names(names: Sequence[str]) -> np.recarray[Any, Any]:
    """Return the ids of many clips: int16 (clip,) columns named as in :class:`ClipIds`."""
    table = np.array(list(map(parse_name, names)), [(each, np.int16) for each in ClipIds._fields])
    return table.view(np.recarray)


Ids = NDArray[np.int16]


def num_classes_of(benchmark: str) -> int:
    """Return the number of classes of the set that the benchmark is cut from: 60 or 120."""
    return 60 if benchmark.startswith("ntu60") else 120


def num_performers_of(benchmark: str) -> int:
    """Return the number of people who perform in the set that the benchmark is cut from."""
    return 40 if num_classes_of(benchmark) == 60 else _LARGEST_IDS["performer"]


def classes_of(benchmark: str) -> range:
    """Return the labels of the benchmark's classes."""
    return range(60 if benchmark.startswith("ntu120new") else 0, num_classes_of(benchmark))


def in_training_set(
    benchmark: str, *, setup: Ids, camera: Ids, performer: Ids
) -> NDArray[np.bool_]:
    """Return for each clip whether the protocol trains on it; the others are its test set."""
    if benchmark == "ntu60-xview":
        return np.asarray(camera != 1)
    if benchmark.endswith("xset"):
        return np.asarray(setup % 2 == 0)
    return np.isin(performer, sorted(XSUB_TRAIN[num_classes_of(benchmark)]))


@lru_cache(maxsize=4)
def row_names(benchmark: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the clip names of the train rows and of the test rows of the field's npz files.

    Rows are grouped by performer, camera or setup (ascending), in name order inside a group.
    """
    names = all_names(num_classes_of(benchmark))
    ids = parse_names(names)
    group = {"xsub": ids.performer, "xview": ids.camera, "xset": ids.setup}[benchmark.split("-")[1]]
    by_group = np.argsort(group, kind="stable")
    train = in_training_set(benchmark, setup=ids.setup, camera=ids.camera, performer=ids.performer)
    train, ordered = train[by_group], np.array(names)[by_group]
    return tuple(ordered[train].tolist()), tuple(ordered[~train].tolist())


def description(name: str, num_classes: int, *, is_standin: bool = False) -> Description:
    """Return what all clips of a set in NTU RGB+D's layout have in common."""
    sizes = (NUM_JOINTS, NUM_BODIES, 3, CENTRE_JOINT)
    names = CLASS_NAMES[:num_classes]
    return Description(name, names, *sizes, BONES, PARTS, is_ntu=True, is_standin=is_standin)
