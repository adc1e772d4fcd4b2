"""Sizes of a study's memories, known from its clips before a trial runs."""

import itertools
from collections.abc import Iterable, Mapping

import torch

from charon.clips import ClipShape
from charon.config import Run
from charon.errors import ConfigError
from charon.learners.rehearsal import MEMORY_FIELDS, MemorySettings
from charon.memory.codec import TemporalCodec
from charon.settings import Value
from charon.text import byte_size
from charon.training.build import make_learner
from charon.tuning.session.data import StudyData
from charon.tuning.study.space import Space, ends


def memory_size(data: StudyData, fields: Mapping[str, Value]) -> tuple[int, int]:
    """Return the most clips and the most bytes in the memory of a run on these data.

    An empty learner is made for it, so that no method's memory is described twice.

    Raises:
        ConfigError: the fields do not fit the clips.
    """
    run = Run.from_flat(fields)
    channels, _, joints, bodies = data.tasks.clip_shape
    shape, parts = (channels, run.data.num_frames, joints, bodies), data.archive.description.parts
    learner = make_learner(run, shape, data.tasks.num_classes, parts, torch.device("meta"))
    if learner.memory is None:
        return 0, 0
    return learner.memory.capacity, learner.memory.capacity * learner.memory.bytes_per_clip


def check_memory(clips: int, num_bytes: int, num_training_clips: int, budget: int | None) -> None:
    """Raise a ConfigError if a search's first memory is over budget or could hold every clip.

    The memory has at most so many clips and bytes; the budget is in bytes, None for any. A search
    itself refuses suggestions over it.
    """
    if budget is not None and num_bytes > budget:
        raise ConfigError(
            f"The search begins with a memory of {byte_size(num_bytes)} (memory/bytes), over the "
            f"--budget of {byte_size(budget)}; give it at least {num_bytes}, or a base with a "
            "smaller learner.buffer_size."
        )
    if clips >= num_training_clips > 0:
        raise ConfigError(
            f"The search begins with a memory of {clips} clips, and there are "
            f"{num_training_clips} training clips: nothing need be forgotten; give its base a "
            "smaller learner.buffer_size."
        )


def small_buffer(
    trials: Iterable[Mapping[str, Value]], clip_shape: ClipShape, most_clips: int
) -> int | None:
    """Return the largest buffer size of a scaled study; None if no trial has a memory.

    With it, even the trial that thins its clips most holds at most ``most_clips``. Of the clip's
    shape, a run has its own frames.
    """
    codecs = [_memory(fields, clip_shape)[1] for fields in trials]
    sizes = [codec.largest_buffer(most_clips) for codec in codecs if codec is not None]
    return max(1, min(sizes)) if sizes else None


def _memory(fields: Mapping[str, Value], clip_shape: ClipShape) -> tuple[int, TemporalCodec | None]:
    """Return the most clips in a run's memory and its codec; 0 and None without a memory."""
    run = Run.from_flat(fields)
    settings = run.learner
    if not isinstance(settings, MemorySettings):
        return 0, None
    channels, _, joints, bodies = clip_shape
    codec = settings.make_codec((channels, run.data.num_frames, joints, bodies))
    return codec.capacity(settings.buffer_size, settings.capacity_rule), codec


def largest_memory(
    space: Space, start: Mapping[str, Value], clip_shape: ClipShape
) -> dict[str, Value]:
    """Return all fields of the run of a bound space, from ``start``, with the largest memory."""
    names = [name for name in space if name.removeprefix("learner.") in MEMORY_FIELDS]
    rows = itertools.product(*(ends(space[name]) for name in names))
    runs = ({**start, **dict(zip(names, row, strict=True))} for row in rows)
    return max(runs, key=lambda fields: _memory(fields, clip_shape)[0])


def memory_warnings(
    trials: Iterable[Mapping[str, Value]], clip_shape: ClipShape, num_training_clips: int
) -> list[str]:
    """Return a warning for each memory that could hold all training clips."""
    found = set()
    for fields in trials:
        clips, codec = _memory(fields, clip_shape)
        if codec is not None and clips >= num_training_clips:
            found.add((fields["learner.buffer_size"], clips, codec.description[0]))
    return [
        f"A memory of learner.buffer_size={size} at {stored} holds {clips} clips, all of the "
        f"{num_training_clips} training clips: nothing need be forgotten. Set a smaller one with "
        "--set learner.buffer_size=N."
        for size, clips, stored in sorted(found)
    ]
