"""How many bytes the memories of a search may take, known before a setting runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from charon.errors import ConfigError
from charon.settings import Value
from charon.text import byte_size

if TYPE_CHECKING:
    from charon.training.tasks import Tasks

START = "start"
"""The budget that is the bytes of the setting a search begins with."""

NONE = "none"

_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


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
    def on(cls, tasks: "Tasks", parts: Mapping[str, tuple[int, ...]]) -> "MemorySize":
        """Return it for the tasks of a study, whose clips have these parts of the body."""
        return cls(tasks.clip_shape, tasks.num_classes, parts)

    def __call__(self, fields: Mapping[str, Value]) -> tuple[int, int]:
        """Return the most clips and the most bytes that the memory of these fields holds.

        The learner is made as for a run, but without anything in it, so that no method's
        memory is described twice.

        Raises:
            ConfigError: the settings do not fit the clips.
        """
        import torch

        from charon.config import Run
        from charon.training.build import make_learner

        run = Run.from_flat(fields)
        channels, _, joints, bodies = self.clip_shape
        shape = (channels, run.data.num_frames, joints, bodies)
        held = make_learner(run, shape, self.num_classes, self.parts, torch.device("meta")).memory
        return (held.capacity, held.capacity * held.bytes_per_clip) if held is not None else (0, 0)


def check_memory(
    space: Mapping[str, Any],
    start: Mapping[str, Value],
    size: Callable[[Mapping[str, Value]], tuple[int, int]],
    num_clips: int,
    budget: int | None,
) -> None:
    """Check the setting a search begins with against the clips there are and its budget.

    Of the space its ends are checked, each with the rest of the start: the search itself refuses
    settings over the budget.

    Args:
        space: bound.
        start: all fields of the setting it begins with.
        size: most clips and bytes of a setting's memory.
        num_clips: training clips of the whole stream.
        budget: most bytes of a memory; None for any.

    Raises:
        ConfigError: the start is over the budget, or could hold every training clip; or an
            end of the space leaves too little of a clip.
    """
    clips, num_bytes = size(start)
    if budget is not None and num_bytes > budget:
        raise ConfigError(
            f"The search begins with a memory of {byte_size(num_bytes)} (memory/bytes), over the "
            f"--budget of {byte_size(budget)}; give it at least {num_bytes}, or a base with a "
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
