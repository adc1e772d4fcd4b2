"""How much a search may take: bytes of memory, trials, hours."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charon.errors import ConfigError
from charon.tuning.journal import FAILED, FINISHED, LOST, PRUNED, Journal, Value

if TYPE_CHECKING:
    from charon.tuning.clips import StudyClips

START = "start"
"""The budget that is the bytes of the setting a search begins with."""

NONE = "none"

_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}

EXTENDED, TIME_UP = "extended", "time_up"
"""Kinds of events: trials were added to a search that was over; its hours were used up."""


def parse_bytes(text: str) -> int:
    """Read a number of bytes such as ``"500kB"``, ``"1.5MB"`` or ``"72000"``.

    Raises:
        ConfigError: it is none.
    """
    number = text.strip()
    unit = next((u for u in ("kB", "MB", "GB", "B") if number.endswith(u)), "")
    try:
        value = float(number.removesuffix(unit)) * _UNITS.get(unit, 1)
    except ValueError:
        value = 0.0
    if not 1 <= value < float("inf"):
        raise ConfigError(
            "A budget is a number of bytes such as 72000, 500kB or 1.5MB, or `start` or `none`, "
            f"but got {text!r}."
        )
    return int(value)


def show_bytes(number: int) -> str:
    """Return a number of bytes as a person reads it."""
    for unit in ("GB", "MB", "kB"):
        if number >= _UNITS[unit]:
            return f"{number / _UNITS[unit]:.4g} {unit}"
    return f"{number} B"


@dataclass(frozen=True)
class MemorySize:
    """How large the memory of a setting can become on this data; known before it runs.

    Attributes:
        clip_shape: (channel, frame, joint, body) of the data's clips, but for the frames.
        num_classes: of the whole stream.
        parts: of the body, by name.
    """

    clip_shape: tuple[int, int, int, int]
    num_classes: int
    parts: Mapping[str, tuple[int, ...]]

    @classmethod
    def on(cls, clips: "StudyClips") -> "MemorySize":
        """Return it for a study's data."""
        tasks = clips.tasks
        return cls(tasks.clip_shape, tasks.num_classes, clips.archive.description.parts)

    def __call__(self, fields: Mapping[str, Value]) -> tuple[int, int]:
        """Return the most clips and the most bytes that the memory of these fields holds.

        The learner is made as for a run, but without anything in it, so that no method's
        memory is described twice.

        Raises:
            ConfigError: the settings do not fit the clips.
        """
        import torch

        from charon.config import Run
        from charon.making import make_learner

        run = Run.from_flat(fields)
        channels, _, joints, bodies = self.clip_shape
        shape = (channels, run.data.num_frames, joints, bodies)
        held = make_learner(run, shape, self.num_classes, self.parts, torch.device("meta")).memory
        return (held.capacity, held.capacity * held.bytes_per_clip) if held is not None else (0, 0)


def spent_seconds(events: Iterable[Mapping[str, Any]]) -> float:
    """Return the wall seconds a study has run, in all its sittings since it was extended."""
    total, began, last = 0.0, None, 0.0
    for event in events:
        if event["kind"] == EXTENDED:
            total, began = 0.0, None
        elif event["kind"] == "study":
            total += last - began if began is not None else 0.0
            began = event["time"]
        last = event["time"]
    return total + (last - began if began is not None else 0.0)


def is_over(journal: Journal, num_trials: int) -> bool:
    """Whether a study has come to its end: all its trials, or all that its hours allowed."""
    statuses = [record.status for record in journal.trials.values() if record.status != LOST]
    if any(status not in (FINISHED, PRUNED, FAILED) for status in statuses):
        return False
    sittings = [event["kind"] for event in journal.events if event["kind"] in ("study", TIME_UP)]
    return len(statuses) >= num_trials or sittings[-1:] == [TIME_UP]


def check_memory(
    space: Mapping[str, Any],
    start: Mapping[str, Value],
    size: Callable[[Mapping[str, Value]], tuple[int, int]],
    num_clips: int,
    budget: int | None,
) -> None:
    """Check what a search could draw against the clips there are and its budget.

    Args:
        space: bound.
        start: all fields of the setting it begins with.
        size: most clips and bytes of a setting's memory.
        num_clips: training clips of the whole stream.
        budget: most bytes of a memory; None for any.

    Raises:
        ConfigError: the start is over the budget; or it, or all of the space, could hold
            every training clip; or a value leaves too little of a clip.
    """
    clips, num_bytes = size(start)
    if budget is not None and num_bytes > budget:
        raise ConfigError(
            f"The search begins with a memory of {show_bytes(num_bytes)} (memory/bytes), over the "
            f"--budget of {show_bytes(budget)}; give it at least {num_bytes}, or a base with a "
            "smaller learner.buffer_size."
        )
    if clips >= num_clips > 0:
        raise ConfigError(
            f"The search begins with a memory of {clips} clips, and there are {num_clips} "
            "training clips: nothing need be forgotten; give its base a smaller "
            "learner.buffer_size."
        )
    for name, domain in space.items():
        for value in domain.ends:
            size({**start, name: value})
