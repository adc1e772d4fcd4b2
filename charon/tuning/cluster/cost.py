"""Time and memory of trials, scaled up from a few of their steps and evaluations."""

import math
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from charon.config import Run
from charon.data.cache.archive import Archive
from charon.learners.rehearsal import MemorySettings
from charon.settings import Value
from charon.training.tasks import Tasks
from charon.tuning.cluster.timing import Timing, timing_of
from charon.tuning.study.space import Space, ends
from charon.tuning.study.trials import PlannedTrial

BACKWARD = 1.1
"""Peak of a step relative to what it keeps for its backward pass."""

SHARED = ("seed", "learner.buffer_size")
"""Fields on which the seconds of a step do not depend."""

Method = tuple[Value, ...]


@dataclass(frozen=True)
class Cost:
    """Wall seconds of one trial, and its bytes of main memory and of a GPU."""

    seconds: float
    bytes: float
    gpu_bytes: float
    basis: str  # what was timed, such as "whole steps"


def costs_of(trials: Sequence[Mapping[str, Value]], archive: Archive, cpus: float) -> list[Cost]:
    """Estimate the costs of runs from a few steps, which runs share that take the same."""
    timings: dict[Run, Timing] = {}
    costs = []
    for fields in trials:
        run = Run.from_flat(fields)
        if run.device == "cpu":
            torch.set_num_threads(max(1, int(cpus)))
        alike = run.replace({name: 0 for name in SHARED if fields.get(name) is not None})
        if alike not in timings:
            timings[alike] = timing_of(run, archive)
        costs.append(_cost(run, Tasks(archive, run.data, run.seed), timings[alike]))
    return costs


def _cost(run: Run, tasks: Tasks, timing: Timing) -> Cost:
    clip_bytes = 4 * math.prod(tasks.clip_shape)
    num_stored, num_bytes = 0, clip_bytes * max(len(task.train) for task in tasks.tasks)
    if isinstance(run.learner, MemorySettings):
        codec = run.learner.make_codec(tasks.clip_shape)
        num_stored = run.learner.budget(codec, tasks.clip_shape[3]).most_clips
        num_bytes += num_stored * codec.bytes_per_clip
    seconds = _seconds(run, tasks, timing, num_stored if timing.adds_memory else 0)
    beside = num_bytes + timing.extra_bytes
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    # Reserved: the tensors of CUDA graphs do not count as allocated.
    on_gpu = torch.cuda.max_memory_reserved() if torch.cuda.is_available() else 0
    return Cost(
        seconds,
        peak + BACKWARD * timing.kept_bytes + beside,
        on_gpu + beside if on_gpu else 0,
        timing.basis,
    )


def _seconds(run: Run, tasks: Tasks, timing: Timing, num_added: int) -> float:
    """Return the wall seconds of all training steps and evaluations of a run.

    ``num_added`` clips of the memory are added to those of each task but the first.
    """
    batch, is_joint = run.optimiser.batch_size, run.data.stream == "joint"
    seconds, num_tested = 0.0, 0
    for index, task in enumerate(tasks.tasks):
        steps, added = (timing.first, 0) if is_joint or not index else (timing.later, num_added)
        num_steps = math.ceil((len(task.train) + added) / batch)
        seconds += sum(step.epochs * num_steps * step.seconds for step in steps)
        num_tested += len(task.test) * (1 if is_joint else len(tasks.tasks) - index)
        if run.data.evaluate_every and not is_joint:
            on_the_way = num_steps * sum(step.epochs for step in steps) // run.data.evaluate_every
            num_tested += on_the_way * sum(len(other.test) for other in tasks.tasks[:index])
    return seconds + num_tested * timing.evaluation


def method_of(fields: Mapping[str, Value]) -> Method:
    """Return the method of a run: its learner and stream, and its network."""
    network = (value for name, value in fields.items() if name.startswith("model."))
    return fields["learner"], fields["data.stream"], *network


def with_networks(trials: Sequence[PlannedTrial], space: Space) -> list[PlannedTrial]:
    """Return the runs and, of a search, the first with the network at each end of its space.

    One field of the network is changed at a time. ``space`` is bound; that of a grid is empty.
    """
    first = trials[0]
    networks = [
        {**first.fields, name: value}
        for name, domain in space.items()
        if name.startswith("model.")
        for value in ends(domain)
    ]
    others = (fields for fields in networks if fields != first.fields)
    return [*trials, *(replace(first, fields=fields) for fields in others)]


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
