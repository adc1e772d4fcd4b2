"""Streams: which clips each task has. Every protocol follows from a few fields, and has a name.

A training clip has a home: the task of its class, or of its domain. Of each class, a share of the
clips may leave home for other tasks, and of later tasks only a few clips may be kept; no clip is in
two tasks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from charon.errors import ConfigError
from charon.settings import Value
from charon.text import counted

Domain = Literal["none", "performer", "camera", "setup"]

LEFT_OUT = -1


@dataclass(frozen=True)
class Protocol:
    """A stream with a name: the fields that make it, and where it comes from."""

    fields: Mapping[str, Value]
    source: str


def _sizes(first: int, number: int, size: int) -> str:
    """Write a first task and as many later ones as ``data.classes_per_task`` takes them."""
    return ",".join(map(str, [first, *[size] * number]))


PROTOCOLS: dict[str, Protocol] = {
    "poet": Protocol(
        {"data.classes_per_task": _sizes(40, 4, 5), "data.shots": 5},
        "40 classes, then 4 x 5 of 5 clips each: POET, Garg et al., ECCV 2024 (on ntu60-xsub)",
    ),
    "elsenet": Protocol(
        {"data.classes_per_task": _sizes(50, 10, 1)},
        "50 classes, then 10 x 1: Else-Net, Li et al., ICCV 2021",
    ),
    "30+5x6": Protocol(
        {"data.classes_per_task": _sizes(30, 5, 6)},
        "half of 60 classes, then 5 x 6: as LUCIR, Hou et al., CVPR 2019, has it for images",
    ),
    "12x5": Protocol(
        {"data.classes_per_task": _sizes(5, 11, 5)},
        "60 classes, 5 a task: equal steps as in iCaRL, Rebuffi et al., CVPR 2017, half as wide as "
        "Split NTU-60's",
    ),
    "24x5": Protocol(
        {"data.classes_per_task": _sizes(5, 23, 5)},
        "120 classes, 5 a task: the same of Split NTU-120",
    ),
    "online": Protocol(
        {"optimiser.epochs": 1},
        "each clip learned from once: Mai et al., Neurocomputing 2022",
    ),
    "blurry": Protocol(
        {"data.blurred": 0.1},
        "a tenth of each class's clips in other tasks: Blurry10 of Rainbow Memory, Bang et al., "
        "CVPR 2021",
    ),
    "returning": Protocol(
        {"data.returning": 0.5},
        "half of each class's clips in later tasks: class-incremental learning with repetition, "
        "Hemati et al., CoLLAs 2023 (here every class comes again in every later task)",
    ),
    "performers": Protocol(
        {"data.domain": "performer"},
        "all classes in every task, other people: domain-incremental learning, van de Ven & "
        "Tolias, 2019 (of NTU not under xsub)",
    ),
    "cameras": Protocol(
        {"data.domain": "camera"}, "the same, another camera (of NTU not under xview)"
    ),
    "setups": Protocol({"data.domain": "setup"}, "the same, other setups (of NTU not under xset)"),
}
"""By name."""


def protocol_fields(name: str) -> dict[str, Value]:
    """Return the fields of a stream with a name.

    Raises:
        ConfigError: there is no such stream.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"There is no stream {name!r}; known are {', '.join(PROTOCOLS)}.")
    return dict(PROTOCOLS[name].fields)


def in_words(
    *, shots: int, blurred: float, returning: float, domain: Domain, is_joint: bool
) -> str:
    """Return what is special about a stream, as the end of a sentence; empty for a plain one."""
    parts = [
        f"by {domain}" if domain != "none" else "",
        f"{counted(shots, 'clip')} of each class after the first task" if shots else "",
        f"{blurred:.0%} of a class's clips in other tasks" if blurred else "",
        f"{returning:.0%} of a class's clips in later tasks" if returning else "",
        "learned as one" if is_joint else "",
    ]
    return "".join(f", {part}" for part in parts if part)


def domain_groups(domains: NDArray[np.int16], per_task: int) -> list[NDArray[np.int16]]:
    """Return the domains of each task, ascending; the last task may have fewer.

    ``per_task`` 0 makes 5 tasks, or as many as there are domains.

    Raises:
        ConfigError: a task would have more domains than there are.
    """
    found = np.unique(domains)
    size = per_task or -(-len(found) // 5)
    if size > len(found):
        raise ConfigError(
            f"`domains_per_task <= {len(found)}` must hold for {counted(len(found), 'domain')}, "
            f"but got domains_per_task={per_task}; 0 chooses by the data."
        )
    return np.split(found, range(size, len(found), size))


def deal(
    home: NDArray[np.int64],
    label: NDArray[np.int64],
    num_tasks: int,
    rng: np.random.Generator,
    *,
    blurred: float = 0.0,
    returning: float = 0.0,
    shots: int = 0,
) -> NDArray[np.int64]:
    """Return the task of each training clip, int64 (clip,); :data:`LEFT_OUT` for none.

    Args:
        home: the task of a clip's class or domain, (clip,).
        label: its class, (clip,).
        num_tasks: of the stream.
        rng: draws the clips.
        blurred: share of the clips of each class and home that goes to all other tasks, evenly.
        returning: share of them that goes to the later tasks, evenly; the last task's clips stay.
        shots: clips of each class that a task after the first keeps; 0 for all.
    """
    task = home.copy()
    for place, each in sorted(set(zip(home.tolist(), label.tolist(), strict=True))):
        others = [k for k in range(num_tasks) if k > place or (blurred and k != place)]
        share = blurred or returning
        if not share or not others:
            continue
        clips = np.flatnonzero((home == place) & (label == each))
        leaving = rng.permutation(clips)[: round(share * len(clips))]
        # Which tasks get one more than others is drawn, too.
        task[leaving] = np.resize(rng.permutation(others), len(leaving))
    if shots:
        for place, each in sorted(set(zip(task.tolist(), label.tolist(), strict=True))):
            clips = np.flatnonzero((task == place) & (label == each))
            if place > 0:
                task[rng.permutation(clips)[shots:]] = LEFT_OUT
    return task
