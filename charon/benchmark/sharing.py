"""Throughput of several trials that share a device, and the hours of a whole run."""

import math
import multiprocessing
import time
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

import torch

from charon.benchmark.steps import BATCH, WARM_UP, Case, make, random_clips

TRAINING_CLIPS, TASKS, EPOCHS, PROBING = 37_646, 6, 30, 3
"""Of Split NTU-60 under ntu60-xview; epochs are the paper's."""


def steps_per_second(case: Case, together: int, seconds: float = 5.0) -> float:
    """Return the training steps a second of ``together`` processes, added up."""
    spawn = multiprocessing.get_context("spawn")
    ready, speeds = spawn.Barrier(together), spawn.SimpleQueue()
    workers = [
        spawn.Process(target=_work, args=(case, ready, speeds, seconds)) for _ in range(together)
    ]
    for worker in workers:
        worker.start()
    total: float = sum(speeds.get() for _ in workers)
    for worker in workers:
        worker.join()
    return total


def _work(case: Case, ready: Barrier, speeds: "SimpleQueue[float]", seconds: float) -> None:
    learner = make(case)
    batch = random_clips(BATCH, torch.device(case.device), seed=1)
    for _ in range(WARM_UP):
        learner.train_step(batch)
    ready.wait()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        float(learner.train_step(batch)["total"])  # waits for the device
        steps += 1
    speeds.put(steps / (time.perf_counter() - start))


def hours_of_a_run(step: float, probe: float) -> float:
    """Return the hours of an NTU-60 run from the seconds of a step; evaluation is left out."""
    steps = math.ceil(TRAINING_CLIPS / TASKS / BATCH) * TASKS
    return steps * (EPOCHS * step + PROBING * probe) / 3600
