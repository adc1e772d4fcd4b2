"""Time and memory of a trial, measured on a few of its real steps and evaluations."""

import math
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from charon.clips import Clips
from charon.config import Run
from charon.data.cache.archive import Archive
from charon.learners.base import Phase
from charon.settings import Value
from charon.training.evaluation import score
from charon.training.stream import Stream
from charon.training.tasks import Task
from charon.tuning.study.trials import PlannedTrial

STEPS = 3
"""Timed steps of each phase, after a small one that warms up."""

Method = tuple[Value, Value]


@dataclass(frozen=True)
class Cost:
    """Wall seconds of one trial, and its bytes of main memory and of a GPU."""

    seconds: float
    bytes: float
    gpu_bytes: float


def cost_of(fields: Mapping[str, Value], archive: Archive, cpus: float) -> Cost:
    """Measure a few steps of one run and scale them up to all epochs and clips."""
    if fields["device"] == "cpu":
        torch.set_num_threads(max(1, int(cpus)))
    stream = Stream(Run.from_flat(fields), archive)
    seconds = _seconds(stream)
    memory = stream.learner.memory
    buffer = float(memory.most_bytes) if memory else 0.0
    buffer += stream.learner.measurements().get("memory/extra_bytes", 0.0)
    clip = 4 * math.prod(stream.tasks.clip_shape)
    buffer += clip * max(len(task.train) for task in stream.tasks.tasks)
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    gpu = torch.cuda.max_memory_allocated() if stream.device.type == "cuda" else 0
    return Cost(seconds, peak + buffer, gpu + buffer if gpu else 0)


def _seconds(stream: Stream) -> float:
    """Return the wall seconds of all training steps and evaluations, scaled up from a few."""
    tasks, batch = stream.tasks.tasks, stream.run.optimiser.batch_size
    first, _ = phase_costs(stream, tasks[0])
    later, added = phase_costs(stream, tasks[min(1, len(tasks) - 1)])
    joint = stream.is_joint
    seconds, num_tested = 0.0, 0
    for index, task in enumerate(tasks):
        phases, num_clips = (first, 0) if joint or not index else (later, added)
        steps = math.ceil((len(task.train) + num_clips) / batch)
        seconds += sum(phase.epochs * steps * a_step for phase, a_step in phases)
        num_tested += len(task.test) * (1 if joint else len(tasks) - index)
    clips = stream.tasks.load(tasks[0].test[:8], "test")
    start = time.perf_counter()
    score(stream.learner, clips, tasks[0].classes)
    return seconds + num_tested * (time.perf_counter() - start) / len(clips)


def phase_costs(
    stream: Stream, task: Task, *, at_least: float = 0.0
) -> tuple[list[tuple[Phase, float]], int]:
    """Learn the stream's next task with few of its clips, and remember it.

    Returns:
        Its phases, each with the wall seconds of one step, timed for ``at_least`` so many seconds;
        and the capacity of the memory if the learner adds its clips to the task's.
    """
    learner = stream.learner
    batch = stream.run.optimiser.batch_size
    learner.begin_task(task.classes)
    own = stream.tasks.load(task.train[: batch * (STEPS + 1)], "train").to(stream.device)
    clips = learner.training_set(own)
    added = learner.memory.capacity if learner.memory and len(clips) > len(own) else 0
    parts = [clips.take(rows) for rows in torch.arange(len(clips)).split(batch)]
    seconds: dict[str, float] = {}
    found: list[tuple[Phase, float]] = []
    for phase in learner.phases():
        if phase.name not in seconds:
            phase.step(clips.take(torch.arange(min(2, len(clips)))))
            seconds[phase.name] = _timed(stream, phase, parts, at_least)
        found.append((phase, seconds[phase.name]))
    learner.end_task(own)
    return found, added


def _timed(stream: Stream, phase: Phase, batches: list[Clips], at_least: float) -> float:
    """Return the mean seconds of one step; long ones are timed less often."""
    spent: list[float] = []
    while not spent or sum(spent) < at_least:
        for batch in batches[:STEPS]:
            start = time.perf_counter()
            phase.step(batch)
            if stream.device.type == "cuda":
                torch.cuda.synchronize()
            spent.append(time.perf_counter() - start)
            if sum(spent) > 2.0:
                break
    return sum(spent) / len(spent)


def method_of(fields: Mapping[str, Value]) -> Method:
    """Return the method of a run: its learner and stream."""
    return fields["learner"], fields["data.stream"]


def slowest_and_fastest(trials: Sequence[PlannedTrial]) -> dict[Method, list[dict[str, Value]]]:
    """Return the runs at the ends of masking ratio and buffer size by method; one if alike."""
    methods: dict[Method, list[dict[str, Value]]] = {}
    for trial in trials:
        methods.setdefault(method_of(trial.fields), []).append(trial.fields)
    for runs in methods.values():
        runs.sort(key=_speed)
        alike = _speed(runs[0]) == _speed(runs[-1])
        runs[1:] = [] if alike else runs[-1:]
    return methods


def _speed(fields: Mapping[str, Value]) -> tuple[float, int]:
    """Return what orders runs from slowest to fastest: masking ratio, then a smaller buffer."""
    ratio, size = fields.get("learner.masking_ratio"), fields.get("learner.buffer_size")
    return ratio if isinstance(ratio, float) else 0.0, -size if isinstance(size, int) else 0
