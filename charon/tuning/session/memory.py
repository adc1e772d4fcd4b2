"""Sizes of a study's memories, known from its clips before a trial runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from charon.clips import ClipShape
from charon.config import Run
from charon.errors import ConfigError
from charon.learners.rehearsal import MemorySettings
from charon.memory.codec import TemporalCodec
from charon.settings import Value
from charon.text import byte_size
from charon.training.build import make_learner
from charon.training.tasks import Tasks
from charon.tuning.study.scales import SMALL_MEMORY_SHARE


@dataclass(frozen=True)
class MemorySize:
    """The largest size of a run's memory on this data, known before it runs.

    Attributes:
        clip_shape: (channel, frame, joint, body) of the clips; a run has its own frames.
        num_classes: of the whole stream.
        parts: joints of each part of the body, by name.
    """

    clip_shape: ClipShape
    num_classes: int
    parts: Mapping[str, tuple[int, ...]]

    @classmethod
    def on(cls, tasks: Tasks, parts: Mapping[str, tuple[int, ...]]) -> "MemorySize":
        """Return it for the tasks of a study."""
        return cls(tasks.clip_shape, tasks.num_classes, parts)

    def __call__(self, fields: Mapping[str, Value]) -> tuple[int, int]:
        """Return the most clips and the most bytes in the memory of a run.

        An empty learner is made for it, so that no method's memory is described twice.

        Raises:
            ConfigError: the settings do not fit the clips.
        """
        run = Run.from_flat(fields)
        shape = _shape_of(run, self.clip_shape)
        held = make_learner(run, shape, self.num_classes, self.parts, torch.device("meta")).memory
        return (held.capacity, held.capacity * held.bytes_per_clip) if held is not None else (0, 0)


def _shape_of(run: Run, clip_shape: ClipShape) -> ClipShape:
    channels, _, joints, bodies = clip_shape
    return channels, run.data.num_frames, joints, bodies


def check_memory(
    space: Mapping[str, Any],
    start: Mapping[str, Value],
    size: Callable[[Mapping[str, Value]], tuple[int, int]],
    num_clips: int,
    budget: int | None,
) -> None:
    """Check the memories of a search: of its first trial, and at each end of its space.

    A search itself refuses settings over the budget.

    Args:
        space: bound.
        start: all fields of the first trial.
        size: most clips and bytes of a run's memory.
        num_clips: training clips of the whole stream.
        budget: most bytes of a memory; None for any.

    Raises:
        ConfigError: the first trial's memory is over the budget or could hold every training
            clip, or an end of the space does not fit the clips.
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


def small_buffer(
    trials: Iterable[Mapping[str, Value]], clip_shape: ClipShape, num_training_clips: int
) -> int | None:
    """Return the largest buffer size of a scaled study; None if no trial has a memory.

    With it, even the trial that thins its clips most holds at most 30 % of the training clips.

    Args:
        trials: complete fields of the runs, scaled.
        clip_shape: (channel, frame, joint, body) of the clips; a run has its own frames.
        num_training_clips: of the whole stream.
    """
    allowed = int(SMALL_MEMORY_SHARE * num_training_clips)
    sizes = [codec.largest_buffer(allowed) for _, codec in _memories(trials, clip_shape)]
    return max(1, min(sizes)) if sizes else None


def _memories(
    trials: Iterable[Mapping[str, Value]], clip_shape: ClipShape
) -> Iterator[tuple[int, TemporalCodec]]:
    """Yield the buffer size and the codec of every run that has a memory."""
    for fields in trials:
        run = Run.from_flat(fields)
        if isinstance(run.learner, MemorySettings):
            yield run.learner.buffer_size, run.learner.make_codec(_shape_of(run, clip_shape))


def memory_warnings(
    trials: Iterable[Mapping[str, Value]], clip_shape: ClipShape, num_training_clips: int
) -> list[str]:
    """Return a warning for each memory that could hold all training clips."""
    memories = {
        (size, codec.sampling_interval, codec.capacity(size))
        for size, codec in _memories(trials, clip_shape)
    }
    return [
        f"A memory of learner.buffer_size={size} at sampling interval {interval} holds {clips} "
        f"clips, all of the {num_training_clips} training clips: nothing need be forgotten. "
        "Set a smaller one with --set learner.buffer_size=N."
        for size, interval, clips in sorted(memories)
        if clips >= num_training_clips
    ]
