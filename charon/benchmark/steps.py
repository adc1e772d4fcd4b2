"""How long CHARON's steps take on random clips of the paper's shape, and how much work they are."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch

from charon.clips import Clips
from charon.config import Run
from charon.learners.charon import Charon
from charon.model.cost import TIMES_FORWARD, decoder_macs, encoder_macs
from charon.model.sizes import SIZES
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
"""Steps before those that are timed: until then a process still takes memory from the system."""

Kind = Literal["train", "probe", "refresh", "evaluate"]
Way = Literal["plain", "fp32", "bf16"]


@dataclass(frozen=True)
class Case:
    """What is timed.

    Attributes:
        kind: a training step, a step of linear probing, the renewal of stored logits, or
            an evaluation.
        way: ``"plain"`` is the plain version (given to :func:`measure`), else the precision.
        preset: ``"paper"`` or ``"released"``.
        masking_ratio: η.
        device: where.
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
    """What came of it.

    Attributes:
        seconds: median of the repeats.
        best, worst: fewest and most seconds.
        flop: floating-point operations, by :mod:`charon.model.cost`.
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


def prepare(case: Case, make_plain: Callable[[Charon], Any] | None = None) -> Callable[[], float]:
    """Make a case ready, and warm; in a process of its own, for it sets threads and memory.

    Args:
        case: what to time.
        make_plain: makes the plain version of a learner: an object with ``train_step(batch)``
            and ``predict(batch)``.

    Returns:
        What does the case once more, and returns how long that took.
    """
    torch.set_num_threads(case.threads)
    learner = make(case)
    if make_plain is not None:
        act, clips = _plain(make_plain(learner), case)
    else:
        if case.device == "cpu":
            keep_freed_memory()  # as the stream does
        act, clips = _ours(learner, case)
    batch = random_clips(clips, torch.device(case.device), seed=1)
    again = partial(seconds_of, partial(act, batch), case.device)
    for _ in range(WARM_UP):
        again()
    return again


def summary(case: Case, seconds: Sequence[float]) -> Timed:
    """Return what came of a case that took so long; in the process that did it."""
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


def _ours(learner: Charon, case: Case) -> tuple[Callable[[Clips], object], int]:
    if case.kind == "train":
        return learner.train_step, BATCH
    if case.kind == "probe":
        return learner.probe_step, BATCH
    if case.kind == "refresh":
        return learner.end_task, BATCH
    return learner.predict, EVALUATED


def _plain(plain: Any, case: Case) -> tuple[Callable[[Clips], object], int]:
    if case.kind == "train":
        return plain.train_step, BATCH
    if case.kind == "evaluate":
        return plain.predict, EVALUATED
    raise ValueError(f"There is no plain version of {case.kind!r}.")


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
    """Return how long a call takes on a device, which does nothing else meanwhile."""
    _wait(device)
    start = time.perf_counter()
    act()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def work(case: Case) -> float:
    """Return the floating-point operations of a case, by the model of the network's cost."""
    size, tokens, tuples = SIZES["tiny"], 150, 20
    whole = encoder_macs(size, SHAPE[0], tokens, tuples, tuples)
    if case.kind == "train":
        learner = make(replace(case, device="cpu"))
        macs = encoder_macs(size, SHAPE[0], tokens, tuples, learner.kept_tuples)
        macs += decoder_macs(size, SHAPE[0], tokens, tuples)
        passes = 1 + learner.settings.replay_draws
        return 2.0 * TIMES_FORWARD * macs * num_rows(BATCH) * passes
    count = {"probe": 2 * BATCH, "refresh": STORED, "evaluate": EVALUATED}[case.kind]
    rows = 2 * num_rows(BATCH) if case.kind == "probe" else num_rows(count)
    return 2.0 * whole * rows


def num_rows(clips: int) -> int:
    """Return the rows of that many of :func:`random_clips`."""
    return clips + -(-clips // TWO_IN)
