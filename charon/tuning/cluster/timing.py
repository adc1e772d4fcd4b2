"""Seconds of a run's steps and evaluations, timed on a few of them.

A step of the paper's network takes ten seconds on a core. On a CPU, parts of such steps are timed
instead, on few and short clips, and scaled up: work is proportional to bodies and to tuples, but
for a little that every step takes, so that these times come out up to a third too long.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from charon.clips import Clips
from charon.config import Run
from charon.data.cache.archive import Archive
from charon.learners.base import Phase
from charon.training.devices import choose_device
from charon.training.evaluation import score
from charon.training.stream import Stream
from charon.training.tasks import Task, union

STEPS = 3
"""Timed steps of each phase, after one that warms up."""

GPU_SECONDS = 2.0
"""Of timed steps on a GPU: most of them then have a CUDA graph, as in a run."""

HEAVY = 2e8
"""Floating-point operations to evaluate a clip, above which a step is long on a CPU."""

TimeStep = Callable[[Phase, Sequence[Clips]], float]
"""Takes steps of a phase on the given batches; returns the wall seconds of one."""


@dataclass(frozen=True)
class StepTime:
    """The wall seconds of one step of a phase, and the epochs of the phase."""

    phase: str
    epochs: int
    seconds: float


@dataclass(frozen=True)
class Timing:
    """What whole steps and evaluations of a run take; the buffer size does not matter."""

    first: list[StepTime]  # of the first task
    later: list[StepTime]  # of each later one
    adds_memory: bool  # the learner adds the clips of its memory to a later task's
    evaluation: float  # seconds of a clip
    extra_bytes: float  # that the learner keeps beside its memory
    basis: str  # what was timed, such as "whole steps"
    kept_bytes: float = 0.0  # by a step for its backward pass, if only a part of it was taken


@dataclass(frozen=True)
class Part:
    """A run with batches of ``batch`` times fewer clips, ``frames`` times shorter."""

    run: Run
    batch: int
    frames: int

    def __str__(self) -> str:
        """Say what share of a step it is."""
        return f"steps of 1/{self.batch} of the clips and 1/{self.frames} of the frames"

    @staticmethod
    def of(run: Run) -> "Part":
        """Return the smallest part of a run that has clips of every batch."""
        fields = run.to_flat()
        sizes = {name: fields[name] for name in fields if name.endswith("batch_size")}
        batch = min(sizes.values())
        num_tuples = run.data.num_frames // run.model.frames_per_tuple
        frames = 2 if num_tuples % 2 == 0 else 1
        changes = {name: size // batch for name, size in sizes.items()}
        changes["data.num_frames"] = run.data.num_frames // frames
        if "learner.sampling_interval" in fields:
            changes["learner.sampling_interval"] = 1  # a larger one may leave no frame
        return Part(run.replace(changes), batch, frames)


def timing_of(run: Run, archive: Archive, heavy: float = HEAVY) -> Timing:
    """Learn a little of a run's first two tasks, by whole steps or by parts of them.

    Parts do on a CPU where evaluating a clip takes more than ``heavy`` operations.
    """
    if choose_device(run.device).type == "cpu":
        part = Part.of(run)
        stream = Stream(part.run, archive)
        with FlopCounterMode(display=False) as counter:
            _evaluation(stream, 1)  # which also warms up
        if counter.get_total_flops() * part.frames > heavy:
            return _timing_by_part(stream, part, archive)
    stream = Stream(run, archive)
    (first, _), *others = [phase_times(stream, task) for task in _first_tasks(stream)]
    later, adds = others[0] if others else (first, False)
    return Timing(first, later, adds, _evaluation(stream, 8), _extra_bytes(stream), "whole steps")


def _timing_by_part(stream: Stream, part: Part, archive: Archive) -> Timing:
    step, found = PartOfStep(), []
    evaluation = part.frames * _evaluation(stream, 1)
    for task in _first_tasks(stream):
        bodies = archive.present[task.train].sum(axis=1).clip(min=1)
        task = replace(task, train=task.train[bodies.argsort(kind="stable")])
        times, adds = phase_times(stream, task, step)
        scale = part.batch * part.frames * float(bodies.mean() / bodies.min())
        found.append(([replace(each, seconds=scale * each.seconds) for each in times], adds))
    (first, _), (later, adds) = found[0], found[-1]
    extra, kept = _extra_bytes(stream), scale * step.kept_bytes
    return Timing(first, later, adds, evaluation, extra, str(part), kept)


def _first_tasks(stream: Stream) -> Sequence[Task]:
    """Return the tasks whose steps are timed: the first two, or the only one of a joint stream."""
    tasks = stream.tasks.tasks
    return [union(tasks)] if stream.is_joint else tasks[:2]


def _extra_bytes(stream: Stream) -> float:
    return stream.learner.measurements().get("memory/extra_bytes", 0.0)


def _evaluation(stream: Stream, num_clips: int) -> float:
    """Return the wall seconds of a clip's evaluation."""
    task = stream.tasks.tasks[0]
    clips = stream.tasks.load(task.test[:num_clips], "test")
    start = time.perf_counter()
    score(stream.learner, clips, task.classes)
    return (time.perf_counter() - start) / len(clips)


def time_steps(phase: Phase, batches: Sequence[Clips], at_least: float = 0.0) -> float:
    """Return the median wall seconds of a step, taken for ``at_least`` so many; warm up first."""
    phase.step(batches[0].take(torch.arange(min(2, len(batches[0])))))
    spent: list[float] = []
    if batches[0].x.is_cuda:
        at_least = max(at_least, GPU_SECONDS)
    while not spent or sum(spent) < at_least:
        for batch in batches[:STEPS]:
            start = time.perf_counter()
            phase.step(batch)
            if batch.x.is_cuda:
                torch.cuda.synchronize()
            spent.append(time.perf_counter() - start)
            if sum(spent) > 2.0:
                break
    return median(spent)


class PartOfStep:
    """Times a single step.

    Attributes:
        kept_bytes: the most that a step has kept for its backward pass.
    """

    kept_bytes = 0

    def __call__(self, phase: Phase, batches: Sequence[Clips]) -> float:
        """Take a step on the first batch; return its wall seconds."""
        kept: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            if not (tensor.is_leaf and tensor.requires_grad):  # which a weight is
                storage = tensor.untyped_storage()
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        start = time.perf_counter()
        with saved_tensors_hooks(keep, lambda tensor: tensor):
            phase.step(batches[0])
        seconds = time.perf_counter() - start
        self.kept_bytes = max(self.kept_bytes, sum(kept.values()))
        return seconds


def phase_times(
    stream: Stream, task: Task, time_step: TimeStep = time_steps
) -> tuple[list[StepTime], bool]:
    """Learn the stream's next task with few of its clips, and remember it.

    Returns:
        The times of its phases, and whether the learner adds clips of its memory to the task's.
    """
    learner = stream.learner
    batch = stream.run.optimiser.batch_size
    learner.begin_task(task.learned)
    own = stream.tasks.load(task.train[: batch * (STEPS + 1)], "train").to(stream.device)
    clips = learner.training_set(own)
    batches = [clips.take(rows) for rows in torch.arange(len(clips)).split(batch)]
    seconds: dict[str, float] = {}
    times: list[StepTime] = []
    for phase in learner.phases():
        if phase.name not in seconds:
            seconds[phase.name] = time_step(phase, batches)
        times.append(StepTime(phase.name, phase.epochs, seconds[phase.name]))
    learner.end_task(own)
    learner.prepare_to_predict()
    return times, len(clips) > len(own)
