"""Time CHARON's steps on random clips of the paper's shape, and count their work."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from torch.utils.flop_counter import FlopCounterMode

from charon.benchmark.plain.charon import PlainCharon
from charon.clips import Clips
from charon.config import Run
from charon.learners.charon import Charon
from charon.model.rows import Rows
from charon.training.build import make_learner
from charon.training.devices import keep_freed_memory

SHAPE = (3, 120, 25, 2)
"""(channel, frame, joint, body) of NTU RGB+D."""
NUM_CLASSES = 60
BATCH = 16
TWO_IN = 5
"""Every fifth clip has a second body, about as in NTU RGB+D."""
STORED = 64
"""Clips in the memory; how many there are does not matter to a step."""
EVALUATED = 64
"""Clips evaluated at once here."""
WARM_UP = 3
"""Steps before those that are timed: until then a process takes memory from the system."""

Kind = Literal["train", "probe", "refresh", "evaluate"]
Way = Literal["plain", "fp32", "bf16"]

_ACTIONS: dict[Kind, tuple[str, int]] = {
    "train": ("train_step", BATCH),
    "probe": ("probe_step", BATCH),
    "refresh": ("end_task", BATCH),
    "evaluate": ("predict", EVALUATED),
}
"""The method that is timed, and the clips it is given."""


@dataclass(frozen=True)
class Case:
    """A step to time.

    Attributes:
        kind: a training step, a step of linear probing, the renewal of stored logits, or
            an evaluation.
        way: the precision, or ``"plain"``: :mod:`charon.benchmark.plain`, which has steps of
            training and evaluation alone.
        threads: of the CPU.
        repeats: timed steps, after :data:`WARM_UP` that are not.
    """

    kind: Kind
    way: Way
    preset: str = "paper"
    masking_ratio: float = 0.3
    device: str = "cpu"
    threads: int = 1
    repeats: int = 5


@dataclass(frozen=True)
class Timed:
    """The time and work of a step.

    Attributes:
        seconds: median of the repeats.
        best, worst: fewest and most seconds.
        flop: floating-point operations of convolutions and products, as :func:`work` counts them.
        peak_bytes: of GPU memory; 0 on a CPU.
    """

    seconds: float
    best: float
    worst: float
    flop: float
    peak_bytes: int

    @property
    def gflops(self) -> float:
        """Return 1e9 floating-point operations a second, at the median."""
        return self.flop / self.seconds / 1e9


def time_in_turn(cases: Sequence[Case]) -> list[Timed]:
    """Time cases, each in a fresh process, one step of each after the other.

    What else the machine does, and its speed meanwhile, is then the same for all.
    """
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = [stack.enter_context(spawn.Pool(1)) for _ in cases]
        for pool, case in zip(pools, cases, strict=True):
            pool.apply(_get_ready, (case,))
        rounds = [[pool.apply(_once_more) for pool in pools] for _ in range(cases[0].repeats)]
        each = zip(pools, cases, zip(*rounds, strict=True), strict=True)
        return [pool.apply(summary, (case, seconds)) for pool, case, seconds in each]


_again: Callable[[], float]
"""The step of this process, which has but one case."""


def _get_ready(case: Case) -> None:
    global _again
    _again = prepare(case)


def _once_more() -> float:
    return _again()


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
    again = partial(seconds_of, partial(act, batch), case.device)
    for _ in range(WARM_UP):
        again()
    return again


def summary(case: Case, seconds: Sequence[float]) -> Timed:
    """Summarise a case's times, in the process that took them."""
    return Timed(
        statistics.median(seconds),
        min(seconds),
        max(seconds),
        work(case),
        torch.cuda.max_memory_allocated() if case.device != "cpu" else 0,
    )


def make(case: Case) -> Charon:
    """Return the case's learner in its second task, with some clips in its memory."""
    precision = "fp32" if case.way == "plain" else case.way
    fields = {"learner.masking_ratio": case.masking_ratio, "model.precision": precision}
    run = Run.preset(case.preset, fields)
    device = torch.device(case.device)
    learner = make_learner(run, SHAPE, NUM_CLASSES, {}, device)
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


def seconds_of(act: Callable[[], object], device: str) -> float:
    """Time a call on a device that does nothing else meanwhile."""
    _wait(device)
    start = time.perf_counter()
    act()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


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
    clips = {"refresh": STORED, "evaluate": EVALUATED}.get(case.kind, BATCH)
    return float(counter.get_total_flops()) * passes * num_rows(clips)


def num_rows(clips: int) -> int:
    """Return the rows of as many :func:`random_clips`."""
    return clips + -(-clips // TWO_IN)
