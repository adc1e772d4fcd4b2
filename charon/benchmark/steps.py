"""Time CHARON's steps on random clips of the paper's shape, and count their work."""

import math
import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from statistics import median
from typing import Any, Literal

import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from charon.benchmark.plain.charon import PlainCharon
from charon.clips import Clips
from charon.config import Run
from charon.learners.charon import Charon
from charon.model.rows import Rows
from charon.model.settings import Precision
from charon.training.build import make_learner
from charon.training.devices import keep_freed_memory

SHAPE = (3, 120, 25, 2)
"""(channel, frame, joint, body) of NTU RGB+D."""
NUM_CLASSES = 60
BATCH = 16
TWO_IN = 5
"""Every fifth clip has a second body, about as in NTU RGB+D."""
STORED = 64
"""Clips in the memory; how many there are does not matter to a step. As many are evaluated."""
WARM_UP = 3
"""Steps before those that are timed: until then a process takes memory from the system."""

Kind = Literal["train", "probe", "refresh", "evaluate"]
Way = Literal["plain", "fp32", "bf16"]
Row = dict[str, Any]

_ACTIONS: dict[Kind, tuple[str, int]] = {
    "train": ("train_step", BATCH),
    "probe": ("probe_step", BATCH),
    "refresh": ("end_task", STORED),
    "evaluate": ("predict", STORED),
}
"""The method that is timed, and the number of clips that it works on."""


@dataclass(frozen=True)
class Case:
    """A step to time.

    ``"refresh"`` renews the stored logits. The way is the precision, or ``"plain"``:
    :mod:`charon.benchmark.plain`, which has steps of training and evaluation alone.
    """

    kind: Kind
    way: Way
    preset: str = "paper"
    masking_ratio: float = 0.3
    device: str = "cpu"
    threads: int = 1  # of the CPU
    repeats: int = 5  # timed steps, after WARM_UP that are not


def time_in_turn(cases: Sequence[Case]) -> list[Row]:
    """Time cases, each in a fresh process, one step of each after the other.

    What else the machine does, and its speed meanwhile, is then the same for all.
    """
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = [stack.enter_context(spawn.Pool(1)) for _ in cases]
        on = list(zip(pools, cases, strict=True))
        # In the first round, which does not count, every process makes its case ready.
        _, *rounds = [[p.apply(once, (c,)) for p, c in on] for _ in range(1 + cases[0].repeats)]
        each = zip(on, zip(*rounds, strict=True), strict=True)
        return [pool.apply(summary, (case, seconds)) for (pool, case), seconds in each]


def once(case: Case) -> float:
    """Take a step of a case, which the process makes ready first if need be, and time it."""
    return prepare(case)()


@cache
def prepare(case: Case) -> Callable[[], float]:
    """Make a case ready and warm, and return a function that times it once.

    It sets the threads and the memory of its process.
    """
    torch.set_num_threads(case.threads)
    learner = make(case)
    name, clips = _ACTIONS[case.kind]
    act = getattr(PlainCharon(learner) if case.way == "plain" else learner, name)
    if case.way != "plain" and case.device == "cpu":
        keep_freed_memory()  # as the stream does
    batch = random_clips(clips, torch.device(case.device), seed=1)
    again = partial(_seconds_of, partial(act, batch), case.device)
    for _ in range(WARM_UP):
        again()
    return again


def summary(case: Case, seconds: Sequence[float]) -> Row:
    """Summarise a case's times, in the process that took them.

    Returns:
        The fields of the case; ``seconds``, ``best`` and ``worst``: median, fewest and most;
        ``flop``: floating-point operations, by :func:`work`; ``peak_bytes`` of GPU memory,
        0 on a CPU; ``gflops``: 1e9 operations a second, at the median.
    """
    flop, middle = work(case), median(seconds)
    return asdict(case) | {
        "seconds": middle,
        "best": min(seconds),
        "worst": max(seconds),
        "flop": flop,
        "peak_bytes": torch.cuda.max_memory_allocated() if case.device != "cpu" else 0,
        "gflops": flop / middle / 1e9,
    }


def make(case: Case) -> Charon:
    """Return the case's learner in its second task, with some clips in its memory."""
    precision = "fp32" if case.way == "plain" else case.way
    fields = {"learner.masking_ratio": case.masking_ratio, "model.precision": precision}
    device = torch.device(case.device)
    learner = make_learner(Run.preset(case.preset, fields), SHAPE, NUM_CLASSES, {}, device)
    assert isinstance(learner, Charon)
    learner.begin_task(range(10, 20))
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(STORED, NUM_CLASSES, generator=generator)
    learner.memory.offer(random_clips(STORED, device, seed=3), logits.to(device))
    return learner


def random_clips(count: int, device: torch.device, seed: int) -> Clips:
    """Return clips of noise; every fifth has a second body."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, *SHAPE, generator=generator)
    present = torch.ones(count, 2, dtype=torch.bool)
    present[:, 1] = torch.arange(count) % TWO_IN == 0
    x *= present[:, None, None, None, :]
    label = torch.randint(10, 20, (count,), generator=generator)
    return Clips(x, present, label).to(device)


def _seconds_of(act: Callable[[], object], device: str) -> float:
    """Time a call on a device that does nothing else meanwhile."""
    wait = torch.cpu.synchronize if device == "cpu" else torch.cuda.synchronize
    wait()
    start = time.perf_counter()
    act()
    wait()
    return time.perf_counter() - start


def work(case: Case) -> float:
    """Return the floating-point operations of a case, counted by torch in a row's forward.

    Each of the two gradients of a training step takes as much as the forward.
    """
    learner = make(replace(case, device="cpu"))
    network = learner.network.to("meta")  # where nothing is computed
    x, present = torch.zeros(1, *SHAPE, device="meta"), torch.tensor([[True, False]])
    rows, is_training = Rows.of(x, present), case.kind == "train"
    kept = learner.masker.draw([1], torch.Generator()) if is_training else None
    with FlopCounterMode(display=False) as counter:
        latent = network.encode(x, rows, kept)
        if is_training:
            network.decode(latent, rows, kept, num_bodies=2)
    passes = {"train": 3 * (1 + learner.settings.replay_draws), "probe": 2}.get(case.kind, 1)
    _, clips = _ACTIONS[case.kind]
    num_rows = clips + -(-clips // TWO_IN)
    return float(counter.get_total_flops()) * passes * num_rows


def peak_gflops(precision: Precision, device: str, threads: int) -> float:
    """Return 1e9 operations a second of the (1,5) convolution alone, forward, channels last.

    It is the widest layer of the paper's encoder, at η = 0.3 and sixteen clips.
    """
    rows, channels, out, tokens, tuples = 20, 384, 128, 150, 14
    torch.set_num_threads(threads)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    x = torch.randn(rows, channels, tokens, tuples, device=device, dtype=kind)
    weight = torch.randn(out, channels, 5, 1, device=device, dtype=kind)
    x, weight = (t.contiguous(memory_format=torch.channels_last) for t in (x, weight))
    flop = 2.0 * rows * tokens * tuples * channels * out * 5
    convolve = partial(F.conv2d, x, weight, padding=(2, 0))
    return flop / min(_seconds_of(convolve, device) for _ in range(WARM_UP + 10)) / 1e9


def steps_per_second(case: Case, together: int, seconds: float = 5.0) -> float:
    """Return the training steps a second of ``together`` processes that share a device."""
    spawn = multiprocessing.get_context("spawn")
    ready, speeds = spawn.Barrier(together), spawn.SimpleQueue()
    given = (case, ready, speeds, seconds)
    workers = [spawn.Process(target=_step_on, args=given) for _ in range(together)]
    for worker in workers:
        worker.start()
    total: float = sum(speeds.get() for _ in workers)
    for worker in workers:
        worker.join()
    return total


def _step_on(case: Case, ready: Barrier, speeds: "SimpleQueue[float]", seconds: float) -> None:
    step = prepare(case)
    ready.wait()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        steps += 1
    speeds.put(steps / (time.perf_counter() - start))


def hours_of_a_run(step: float, probe: float) -> float:
    """Return the hours of an NTU-60 run from the seconds of a step; evaluation is left out."""
    training_clips, tasks = 37_646, 6  # of Split NTU-60 under ntu60-xview
    epochs, probing = 30, 3  # the paper's
    steps = math.ceil(training_clips / tasks / BATCH) * tasks
    return steps * (epochs * step + probing * probe) / 3600
