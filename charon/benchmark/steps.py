"""Time CHARON's steps on random clips of the paper's shape, and count their work."""

import math
import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from statistics import median
from typing import Any, Literal, NamedTuple

import torch
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from charon.benchmark.plain.charon import PlainCharon
from charon.clips import Clips, ClipShape
from charon.config import Run
from charon.learners.charon import Charon
from charon.model.backbone import Precision
from charon.model.rows import Rows
from charon.settings import Value
from charon.training.build import make_learner
from charon.training.devices import keep_freed_memory

NUM_CLASSES = 60
TWO_IN = 5
"""Every fifth clip has a second body, about as in NTU RGB+D."""
STORED = 64
"""Clips in the memory; how many there are does not matter to a step. As many are evaluated."""
WARM_UP = 3
"""Timings before those that count: until then a process takes memory from the system."""
AT_ONCE = {"cpu": 1, "cuda": 10}
"""Steps in a timing: the stream waits for a GPU once an epoch, not after every step."""
TOGETHER = (1, 2, 4, 8)
"""Trials that share a GPU."""

Kind = Literal["train", "probe", "refresh", "evaluate"]
Way = Literal["plain", "fp32", "bf16", "fp32 eager", "bf16 eager"]
Scale = Literal["paper", "small"]
Row = dict[str, Any]

_ACTIONS: dict[Kind, str] = {
    "train": "train_step",
    "probe": "probe_step",
    "refresh": "end_task",
    "evaluate": "predict",
}
"""The method that is timed."""


class Size(NamedTuple):
    """The clips, (channel, frame, joint, body), and the batch and model of a scale."""

    shape: ClipShape
    batch: int
    fields: dict[str, Value]


SCALES: dict[Scale, Size] = {
    "paper": Size((3, 120, 25, 2), 16, {}),  # NTU RGB+D's shape
    "small": Size(  # as `--scale small` of a study
        (3, 10, 25, 2),
        8,
        {
            "model.size": "nano",
            "data.num_frames": 10,
            "model.frames_per_tuple": 1,
            "learner.sampling_interval": 2,
            "learner.replay_batch_size": 8,
            "optimiser.learning_rate": 0.2,
        },
    ),
}


@dataclass(frozen=True)
class Case:
    """A step to time.

    ``"refresh"`` renews the stored logits. The way is the precision; with ``eager``, a GPU is
    given kernel by kernel what else are CUDA graphs. ``"plain"`` is
    :mod:`charon.benchmark.plain`, which has steps of training and evaluation alone.
    """

    kind: Kind
    way: Way
    preset: str = "paper"
    scale: Scale = "paper"
    masking_ratio: float = 0.3
    device: str = "cpu"
    threads: int = 1  # of the CPU
    repeats: int = 5  # timings, after WARM_UP that do not count

    @property
    def precision(self) -> Precision:
        """The precision of the way."""
        return "bf16" if self.way.startswith("bf16") else "fp32"

    @property
    def num_clips(self) -> int:
        """The clips that the timed method works on."""
        return SCALES[self.scale].batch if self.kind in ("train", "probe") else STORED


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
    """Return the seconds of a step of a case, which the process makes ready first if need be."""
    return prepare(case)()


@cache
def prepare(case: Case) -> Callable[[], float]:
    """Make a case ready and warm, and return a function that times it once.

    It sets the threads and the memory of its process.
    """
    torch.set_num_threads(case.threads)
    learner = make(case)
    act = getattr(PlainCharon(learner) if case.way == "plain" else learner, _ACTIONS[case.kind])
    if case.way != "plain" and case.device == "cpu":
        keep_freed_memory()  # as the stream does
    batch = random_clips(case.num_clips, learner.setup.device, seed=1, scale=case.scale)
    again = partial(_seconds_of, partial(act, batch), case.device)
    for _ in range(WARM_UP):
        again()
    return again


def summary(case: Case, seconds: Sequence[float]) -> Row:
    """Summarise a case's times, in the process that took them.

    Returns:
        The fields of the case, and ``clips`` that it works on; ``seconds``, ``best`` and
        ``worst``: median, fewest and most; ``flop``: floating-point operations, by :func:`work`;
        ``peak_bytes`` of GPU memory, 0 on a CPU; ``gflops``: 1e9 operations a second, at the
        median.
    """
    flop, middle = work(case), median(seconds)
    return asdict(case) | {
        "clips": case.num_clips,
        "seconds": middle,
        "best": min(seconds),
        "worst": max(seconds),
        "flop": flop,
        "peak_bytes": torch.cuda.max_memory_reserved() if case.device != "cpu" else 0,
        "gflops": flop / middle / 1e9,
    }


def make(case: Case) -> Charon:
    """Return the case's learner in its second task, with some clips in its memory."""
    learner = make_new(case)
    learner.begin_task(range(10, 20))
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(STORED, NUM_CLASSES, generator=generator)
    device = learner.setup.device
    clips = random_clips(STORED, device, seed=3, scale=case.scale)
    learner.memory.offer(clips, logits.to(device))
    return learner


def make_new(case: Case) -> Charon:
    """Return the case's learner before its first task."""
    size = SCALES[case.scale]
    fields = {"learner.masking_ratio": case.masking_ratio, "model.precision": case.precision}
    run, device = Run.preset(case.preset, size.fields | fields), torch.device(case.device)
    learner = make_learner(run, size.shape, NUM_CLASSES, {}, device)
    assert isinstance(learner, Charon)
    if case.way.endswith("eager"):
        learner.graphs = None
    return learner


def random_clips(count: int, device: torch.device, seed: int, scale: Scale = "paper") -> Clips:
    """Return clips of noise; every fifth has a second body."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, *SCALES[scale].shape, generator=generator)
    present = torch.ones(count, 2, dtype=torch.bool)
    present[:, 1] = torch.arange(count) % TWO_IN == 0
    x *= present[:, None, None, None, :]
    label = torch.randint(10, 20, (count,), generator=generator)
    return Clips(x, present, label).to(device)


def _seconds_of(act: Callable[[], object], device: str) -> float:
    """Return the mean seconds of calls on a device that does nothing else meanwhile."""
    wait = torch.cpu.synchronize if device == "cpu" else torch.cuda.synchronize
    calls = AT_ONCE[device]
    wait()
    start = time.perf_counter()
    for _ in range(calls):
        act()
    wait()
    return (time.perf_counter() - start) / calls


def work(case: Case) -> float:
    """Return the floating-point operations of a case, counted by torch in a row's forward.

    Each of the two gradients of a training step takes as much as the forward.
    """
    learner = make(replace(case, device="cpu"))
    network = learner.network.to("meta")  # where nothing is computed
    shape = SCALES[case.scale].shape
    x, present = torch.zeros(1, *shape, device="meta"), torch.tensor([[True, False]])
    rows, is_training = Rows.of(x, present), case.kind == "train"
    kept = learner.masker.draw([1], torch.Generator()) if is_training else None
    with FlopCounterMode(display=False) as counter:
        latent = network.encode(x, rows, kept)
        if is_training:
            network.decode(latent, rows, kept, num_bodies=2)
    passes = {"train": 3 * (1 + learner.settings.replay_draws), "probe": 2}.get(case.kind, 1)
    num_rows = case.num_clips + -(-case.num_clips // TWO_IN)
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


def steps_per_second(case: Case, seconds: float = 5.0) -> dict[int, float]:
    """Return the steps a second that 1, 2, 4 and 8 processes on a device take in all."""
    spawn = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = [stack.enter_context(spawn.Pool(1)) for _ in range(max(TOGETHER))]

        def ask(count: int, function: Callable[..., float], *given: object) -> float:
            answers = [pool.apply_async(function, (case, *given)) for pool in pools[:count]]
            return sum(answer.get() for answer in answers)

        ask(len(pools), once)  # makes all of them ready
        return {count: ask(count, _speed, seconds) for count in TOGETHER}


def _speed(case: Case, seconds: float) -> float:
    """Return the steps a second of this process."""
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        once(case)
        steps += AT_ONCE[case.device]
    return steps / (time.perf_counter() - start)


def hours_of_a_run(step: float, probe: float) -> float:
    """Return the hours of an NTU-60 run from the seconds of a step; evaluation is left out."""
    training_clips, tasks = 37_646, 6  # of Split NTU-60 under ntu60-xview
    epochs, probing = 30, 3  # the paper's
    steps = math.ceil(training_clips / tasks / SCALES["paper"].batch) * tasks
    return steps * (epochs * step + probing * probe) / 3600
