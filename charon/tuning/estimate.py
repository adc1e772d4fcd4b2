"""A dry run: the trials, what they will take, and where the results will be.

Time is measured, not guessed: a few real training steps and evaluations of the slowest and
the fastest kind of run, scaled up to all epochs and clips.
"""

import math
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from rich.console import Console

from charon.clips import Clips
from charon.config import Run
from charon.evaluation import score
from charon.learners.base import Phase
from charon.stream import Stream
from charon.tasks import Task
from charon.tuning.journal import Value
from charon.tuning.runner import slots
from charon.tuning.session import Session

STEPS = 3
"""Steps timed of each phase, after a small one that warms up."""

LONG_STEP = 2.0
"""Seconds after which no further step of a phase is timed."""

START_SECONDS = 20.0
"""From the command to the first step, about."""


@dataclass(frozen=True)
class Cost:
    """What one trial takes: wall seconds, and bytes of main memory and of a GPU."""

    seconds: float
    bytes: float
    gpu_bytes: float


def show_estimate(session: Session, console: Console) -> None:
    """Print the trials and their estimated cost; nothing is run."""
    costs = [_cost_of(fields, session) for fields in _kinds(session)]
    slowest, fastest = costs[0], costs[-1]
    at_once = slots(session)
    number = session.plan.num_trials
    console.print(f"{session.plan.title}: {number} trials, {at_once} at once", markup=False)
    for trial in session.trials:
        console.print(f"  {trial.label}", markup=False)
    if session.study.is_search:
        console.print(f"  then {number - 1} that Optuna chooses", markup=False)
    mean = (slowest.seconds + fastest.seconds) / 2
    total = START_SECONDS + mean * math.ceil(number / at_once)
    tasks = session.clips.tasks
    lines = [
        f"Data      {session.clips.archive.source}: {tasks.num_training_clips} training clips, "
        f"{tasks.num_classes} classes in {len(tasks.tasks)} tasks, {session.plan.protocol}",
        f"Trial     {_duration(fastest.seconds)} to {_duration(slowest.seconds)}, "
        f"up to {slowest.bytes / 1e9:.1f} GB of memory"
        + (f" and {slowest.gpu_bytes / 1e9:.1f} GB of a GPU" if slowest.gpu_bytes else ""),
        f"Study     about {_duration(total)}, {slowest.bytes * at_once / 1e9:.1f} GB of memory",
        f"Results   {session.folder}",
        f"Tracking  {session.store.uri}",
        f"Cache     {session.cache}",
    ]
    for line in lines:
        console.print(line, markup=False)


def _kinds(session: Session) -> list[dict[str, Value]]:
    """Return the runs that are measured: those with the smallest and largest masking ratio."""
    every = [trial.fields for trial in session.trials]
    masking = [fields for fields in every if _masking_ratio(fields) is not None] or every
    ordered = sorted(masking, key=lambda fields: _masking_ratio(fields) or 0.0)
    return [ordered[0], ordered[-1]]


def _masking_ratio(fields: Mapping[str, Value]) -> float | None:
    ratio = fields.get("learner.masking_ratio")
    return ratio if isinstance(ratio, float) else None


def _cost_of(fields: Mapping[str, Value], session: Session) -> Cost:
    """Measure a few steps of one run and scale them up."""
    if fields["device"] == "cpu":
        torch.set_num_threads(max(1, int(session.cpus)))
    stream = Stream(Run.from_flat(fields), session.clips.archive)
    tasks, batch = stream.tasks.tasks, stream.run.optimiser.batch_size
    seconds = 0.0
    first = _phase_seconds(stream, tasks[0])
    later = _phase_seconds(stream, tasks[min(1, len(tasks) - 1)])
    for index, task in enumerate(tasks):
        per_phase = later if index else first
        steps = math.ceil(len(task.train) / batch)
        seconds += sum(epochs * steps * step for epochs, step in per_phase)
    tested = sum(len(task.test) * (len(tasks) - index) for index, task in enumerate(tasks))
    seconds += tested * _score_seconds(stream, tasks[0])
    memory = stream.learner.memory
    buffer = memory.num_bytes / len(memory) * memory.capacity if memory else 0.0
    clip = 4 * math.prod(stream.tasks.clip_shape)
    whole_task = clip * max(len(task.train) for task in tasks)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    gpu = torch.cuda.max_memory_allocated() if stream.device.type == "cuda" else 0
    return Cost(seconds, peak + whole_task + buffer, gpu + whole_task + buffer if gpu else 0)


def _phase_seconds(stream: Stream, task: Task) -> list[tuple[int, float]]:
    """Return (epochs, seconds a step) of every phase of a task."""
    learner = stream.learner
    batch = stream.run.optimiser.batch_size
    learner.begin_task(task.classes)
    clips = stream.tasks.load(task.train[: batch * (STEPS + 1)], "train").to(stream.device)
    parts = [clips.take(rows) for rows in torch.arange(len(clips)).split(batch)]
    seconds: dict[str, float] = {}
    found = []
    for phase in learner.phases():
        if phase.name not in seconds:
            phase.step(clips.take(torch.arange(min(2, len(clips)))))
            seconds[phase.name] = _timed(stream, phase, parts)
        found.append((phase.epochs, seconds[phase.name]))
    return found


def _timed(stream: Stream, phase: Phase, batches: list[Clips]) -> float:
    """Return the seconds of one step, the mean over some."""
    spent: list[float] = []
    for batch in batches[:STEPS]:
        start = time.perf_counter()
        phase.step(batch)
        _wait(stream)
        spent.append(time.perf_counter() - start)
        if sum(spent) > LONG_STEP:
            break
    return sum(spent) / len(spent)


def _score_seconds(stream: Stream, task: Task) -> float:
    """Return the seconds it takes to evaluate one clip."""
    clips = stream.tasks.load(task.test[:8], "test")
    start = time.perf_counter()
    score(stream.learner, clips, task.classes, stream.device)
    return (time.perf_counter() - start) / len(clips)


def _wait(stream: Stream) -> None:
    if stream.device.type == "cuda":
        torch.cuda.synchronize()


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
