"""A dry run: the trials, what they will take, and where the results will be.

Time is measured, not guessed: a few real training steps and evaluations of each method, of its
slowest and its fastest kind of run, scaled up to all epochs and clips.
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
from charon.tuning.judgement import judgement_of
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
    costs = {
        method: [_cost_of(fields, session) for fields in _slowest_and_fastest(runs)]
        for method, runs in _by_method(session).items()
    }
    every = [cost for some in costs.values() for cost in some]
    slowest = max(cost.seconds for cost in every)
    fastest = min(cost.seconds for cost in every)
    num_bytes, gpu_bytes = max(c.bytes for c in every), max(c.gpu_bytes for c in every)
    at_once = slots(session)
    number, seeds = session.plan.num_trials, _fresh_seeds(session)
    console.print(f"{session.plan.title}: {number} trials, {at_once} at once", markup=False)
    for trial in session.trials:
        console.print(f"  {trial.label}", markup=False)
    if session.study.is_search:
        console.print(f"  then {number - 1} that Optuna chooses ({session.plan.sampler}) from")
        for name, domain in session.study.space.items():
            console.print(f"    {name}: {domain.ends[0]} to {domain.ends[-1]}", markup=False)
        if seeds:
            again = ", ".join(map(str, seeds))
            console.print(f"  then the winner and the first setting, anew with seeds {again}")
    trials = [costs[_method(trial.fields)] for trial in session.trials]
    mean = sum(sum(c.seconds for c in some) / len(some) for some in trials) / len(trials)
    rounds = math.ceil(number / at_once) + math.ceil(2 * len(seeds) / at_once)
    total = START_SECONDS + mean * rounds
    tasks = session.clips.tasks
    lines = [
        f"Data      {session.clips.archive.source}: {tasks.num_training_clips} training clips, "
        f"{tasks.num_classes} classes in {len(tasks.tasks)} tasks, {session.plan.protocol}",
        f"Trial     {_span(fastest, slowest)}, "
        f"up to {num_bytes / 1e9:.1f} GB of memory"
        + (f" and {gpu_bytes / 1e9:.1f} GB of a GPU" if gpu_bytes else ""),
        f"Study     about {_duration(total)}, {num_bytes * at_once / 1e9:.1f} GB of memory",
        f"Results   {session.folder}",
        f"Tracking  {session.store.uri}",
        f"Cache     {session.cache}",
    ]
    for line in lines:
        console.print(line, markup=False)


def _fresh_seeds(session: Session) -> tuple[int, ...]:
    """Return the seeds of a search's confirm stage."""
    if not session.study.is_search:
        return ()
    fields = session.trials[0].fields
    return judgement_of(session.study, session.options, fields, session.clips).seeds


def _method(fields: Mapping[str, Value]) -> tuple[Value, Value]:
    return fields["learner"], fields["data.stream"]


def _by_method(session: Session) -> dict[tuple[Value, Value], list[dict[str, Value]]]:
    found: dict[tuple[Value, Value], list[dict[str, Value]]] = {}
    for trial in session.trials:
        found.setdefault(_method(trial.fields), []).append(trial.fields)
    return found


def _slowest_and_fastest(runs: list[dict[str, Value]]) -> list[dict[str, Value]]:
    """Return the runs that are measured: those of the ends of masking ratio or buffer size."""
    ordered = sorted(
        runs, key=lambda fields: (_masking_ratio(fields) or 0.0, -_buffer_size(fields))
    )
    ends = [ordered[0], ordered[-1]]
    same = all(_masking_ratio(r) == _masking_ratio(ends[0]) for r in ends) and (
        _buffer_size(ends[0]) == _buffer_size(ends[1])
    )
    return ends[:1] if same else ends


def _buffer_size(fields: Mapping[str, Value]) -> int:
    size = fields.get("learner.buffer_size")
    return size if isinstance(size, int) else 0


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
    first, _ = _phase_seconds(stream, tasks[0])
    later, added = _phase_seconds(stream, tasks[min(1, len(tasks) - 1)])
    joint = stream.is_joint
    for index, task in enumerate(tasks):
        per_phase, num_clips = (first, 0) if joint or not index else (later, added)
        steps = math.ceil((len(task.train) + num_clips) / batch)
        seconds += sum(epochs * steps * step for epochs, step in per_phase)
    times = (1 if joint else len(tasks) - index for index in range(len(tasks)))
    tested = sum(len(task.test) * n for task, n in zip(tasks, times, strict=True))
    seconds += tested * _score_seconds(stream, tasks[0])
    memory = stream.learner.memory
    buffer = memory.num_bytes / len(memory) * memory.capacity if memory else 0.0
    buffer += stream.learner.measurements().get("memory/extra_bytes", 0.0)
    clip = 4 * math.prod(stream.tasks.clip_shape)
    whole_task = clip * max(len(task.train) for task in tasks)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    gpu = torch.cuda.max_memory_allocated() if stream.device.type == "cuda" else 0
    return Cost(seconds, peak + whole_task + buffer, gpu + whole_task + buffer if gpu else 0)


def _phase_seconds(stream: Stream, task: Task) -> tuple[list[tuple[int, float]], int]:
    """Return (epochs, seconds a step) of every phase of a task, and the clips added to it.

    A learner that adds what it remembers to a task's clips is taken to have a full memory.
    """
    learner = stream.learner
    batch = stream.run.optimiser.batch_size
    learner.begin_task(task.classes)
    own = stream.tasks.load(task.train[: batch * (STEPS + 1)], "train").to(stream.device)
    clips = learner.training_set(own)
    added = learner.memory.capacity if learner.memory and len(clips) > len(own) else 0
    parts = [clips.take(rows) for rows in torch.arange(len(clips)).split(batch)]
    seconds: dict[str, float] = {}
    found = []
    for phase in learner.phases():
        if phase.name not in seconds:
            phase.step(clips.take(torch.arange(min(2, len(clips)))))
            seconds[phase.name] = _timed(stream, phase, parts)
        found.append((phase.epochs, seconds[phase.name]))
    learner.end_task(own)
    return found, added


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


def _span(least: float, most: float) -> str:
    ends = dict.fromkeys([_duration(least), _duration(most)])
    return " to ".join(ends)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
