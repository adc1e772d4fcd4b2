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
from charon.tuning.study.study import BYTES, SIZE
from charon.tuning.study.trials import but_for_seed


def memory_size(data: StudyData, fields: Mapping[str, Value]) -> tuple[int, int]:
    """Return the most clips and the most bytes in the memory of a run on these data.

    An empty learner is made for it, so that no method's memory is described twice.

    Raises:
        ConfigError: the fields do not fit the clips.
    """
    run = Run.from_flat(fields)
    channels, _, joints, bodies = data.tasks.clip_shape
    shape, about = (channels, run.data.num_frames, joints, bodies), data.archive.description
    learner = make_learner(
        run, shape, data.tasks.num_classes, about.parts, torch.device("meta"), about.bones
    )
    if learner.memory is None:
        return 0, 0
    return learner.memory.capacity, learner.memory.most_bytes


def check_memory(clips: int, num_bytes: int, num_training_clips: int, budget: int | None) -> None:
    """Raise a ConfigError if a search's first memory is over budget or could hold every clip.

    The memory has at most so many clips and bytes; the budget is in bytes, None for any. A search
    itself refuses suggestions over it.
    """
    if budget is not None and num_bytes > budget:
        raise ConfigError(
            f"The search begins with a memory of {byte_size(num_bytes)} (memory/bytes), over the "
            f"--budget of {byte_size(budget)}; give it at least {num_bytes}, or a base with a "
            "smaller memory."
        )
    if clips >= num_training_clips > 0:
        raise ConfigError(
            f"The search begins with a memory of {clips} clips, and there are "
            f"{num_training_clips} training clips: nothing need be forgotten; give its base a "
            "smaller memory."
        )


def small_buffer(
    trials: Iterable[Mapping[str, Value]], clip_shape: ClipShape, most_clips: int
) -> int | None:
    """Return the largest buffer size of a scaled study; None if no trial has one.

    With it, even the trial that thins its clips most holds at most ``most_clips``. Of the clip's
    shape, a run has its own frames.
    """
    memories = filter(None, (_memory(fields, clip_shape) for fields in _but_for_seeds(trials)))
    sizes = [
        settings.largest_size(codec, clip_shape[3], most_clips)
        for settings, codec in memories
        if settings.buffer_size is not None
    ]
    return max(1, min(sizes)) if sizes else None


def small_bytes(trials: Iterable[Mapping[str, Value]], data: StudyData, most_clips: int) -> float:
    """Return the factor, at most 1, by which the bytes of a scaled study's memories shrink.

    With it, even the trial that stores most clips holds at most ``most_clips``.
    """
    runs = [fields for fields in _but_for_seeds(trials) if fields.get(BYTES) is not None]
    clips = [memory_size(data, fields)[0] for fields in runs]
    return min(1.0, most_clips / max([1, *clips]))


def largest_memory(space: Space, start: Mapping[str, Value], data: StudyData) -> dict[str, Value]:
    """Return all fields of the run of a bound space, from ``start``, with the largest memory."""
    names = [name for name in space if name.removeprefix("learner.") in MEMORY_FIELDS]
    rows = itertools.product(*(ends(space[name]) for name in names))
    runs = ({**start, **dict(zip(names, row, strict=True))} for row in rows)
    return max(runs, key=lambda fields: _most_clips(fields, data))


def memory_warnings(
    trials: Iterable[Mapping[str, Value]], data: StudyData, num_training_clips: int
) -> list[str]:
    """Return a warning for each memory that could hold all training clips."""
    found = set()
    for fields in _but_for_seeds(trials):
        memory = _memory(fields, data.tasks.clip_shape)
        clips = 0 if memory is None else _most_clips(fields, data)
        if memory is not None and clips >= num_training_clips:
            name = SIZE if fields.get(BYTES) is None else BYTES
            found.add((name, fields[name], clips, memory[1].description[0]))
    return [
        f"A memory of {name}={size} at {stored} holds {clips} clips, all of the "
        f"{num_training_clips} training clips: nothing need be forgotten. Set a smaller one with "
        f"--set {name}=N."
        for name, size, clips, stored in sorted(found)
    ]


def _but_for_seeds(trials: Iterable[Mapping[str, Value]]) -> Iterable[Mapping[str, Value]]:
    """Return one run of those that differ in their seed alone: their memories are of one size."""
    return {but_for_seed(fields): fields for fields in trials}.values()


def _memory(
    fields: Mapping[str, Value], clip_shape: ClipShape
) -> tuple[MemorySettings, TemporalCodec] | None:
    """Return a run's memory settings and codec; None without a memory."""
    run = Run.from_flat(fields)
    if not isinstance(run.learner, MemorySettings):
        return None
    channels, _, joints, bodies = clip_shape
    return run.learner, run.learner.make_codec((channels, run.data.num_frames, joints, bodies))


def _most_clips(fields: Mapping[str, Value], data: StudyData) -> int:
    """Return the most clips in a run's memory; 0 without one."""
    shape = data.tasks.clip_shape
    memory = _memory(fields, shape)
    if memory is None or fields.get(BYTES) is not None:
        return memory_size(data, fields)[0]
    # M counts frames alone, so that no learner need be made to know it.
    settings, codec = memory
    return settings.budget(codec, shape[3]).most_clips
