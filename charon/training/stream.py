"""The stream: task after task, phases of epochs of steps; then an evaluation and its result.

One run is one ordinary Python loop::

    stream = Stream(run, prepare(run.data.path, cache_dir))
    for result in stream:
        print(result.metrics["test/faa"])
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from charon.clips import Clips
from charon.config import Run
from charon.data.cache.archive import Archive
from charon.errors import DivergenceError
from charon.learners.base import Phase
from charon.plain import conform
from charon.seeding import torch_generator
from charon.training import first_task
from charon.training.build import make_learner
from charon.training.checkpoint import fitting
from charon.training.devices import choose_device, keep_freed_memory
from charon.training.epochs import Epochs, Means, by_metric, losses_of, named
from charon.training.evaluation import Evaluation
from charon.training.statistics import balance_statistics
from charon.training.tasks import Task, Tasks, union


@dataclass(frozen=True)
class Position:
    """Where a run is when an epoch has ended."""

    task: int  # 1-based, the task being learned
    num_tasks: int  # of the stream
    phase: str  # its name
    epoch: int  # 1-based, the epoch of the phase that has just ended
    epochs: int  # of the phase
    fraction: float  # of the main-phase epochs of all tasks, those that are done, in [0, 1]


@dataclass(frozen=True)
class TaskResult:
    """The measurements after a task.

    Metrics have the names by which they are logged: ``test/faa`` (``val/...`` under
    ``data.evaluate_on="val"``) is the mean accuracy over the tasks seen, and FAA after
    the last. Percent and percentage points. What is not defined is left out.
    """

    task: int  # number of tasks seen
    num_tasks: int  # of the stream
    metrics: dict[str, float]
    accuracy_matrix: NDArray[np.float64]  # (task, task) percent, NaN where not learned yet
    epochs: Epochs = field(default_factory=lambda: Epochs(1, {}))  # of the task

    @property
    def is_last(self) -> bool:
        """Whether the stream has ended."""
        return self.task == self.num_tasks


@dataclass
class Speed:
    """The speed of the main phases of tasks 2..T, without probing and evaluation."""

    seconds: float = 0.0
    epochs: int = 0
    clips: int = 0

    def add(self, seconds: float, num_clips: int) -> None:
        """Count an epoch."""
        self.seconds += seconds
        self.epochs += 1
        self.clips += num_clips

    def metrics(self) -> dict[str, float]:
        """Return epochs an hour and clips a second; nothing before the first epoch."""
        if not self.epochs:
            return {}
        return {
            "train/epochs_per_hour": 3600 * self.epochs / self.seconds,
            "train/clips_per_second": self.clips / self.seconds,
        }


class _State(TypedDict):
    """A stream's state, beside that of its evaluation."""

    done: int
    epochs: int
    learner: dict[str, Any]
    shuffle: Tensor
    train_seconds: float
    shared_seconds: float | None
    main: tuple[float, int, int]


class Passes:
    """The training clips of one task, as each pass over them takes them.

    ``own`` has the task's clips on the device, as last loaded.
    """

    def __init__(self, stream: "Stream", task: Task) -> None:
        self._stream, self._task = stream, task
        self._number = 0
        self._load()

    def take(self, number: int = 1) -> Clips:
        """Return the clips of the ``number``-th pass from here, with what the learner adds."""
        self._number += number
        if self._number > 1 and self._stream.run.data.crop == "epoch":
            self._load(self._number - 1)
        return self._clips

    def _load(self, epoch: int = 0) -> None:
        clips = self._stream.tasks.load(self._task.train, "train", epoch)
        self.own = clips.to(self._stream.device)
        self._clips = self._stream.learner.training_set(self.own)


class Stream:
    """A run that can be iterated, saved between tasks, and continued.

    ``first_tasks`` is a folder in which runs share the main phase of their first task, where
    their learner can; None shares nothing. Results are the same, but for the seconds and the
    GPU memory of the first task.

    Attributes:
        num_tasks: tasks the stream has; the joint stream learns them as one.
        on_progress: called after every epoch, if set.
        on_step: called after every step, and whenever a task has been evaluated.

    Raises:
        ConfigError: the run's fields do not fit the data.
        DataError: a task has no clip to learn from, or none to evaluate on.
    """

    def __init__(self, run: Run, archive: Archive, first_tasks: Path | None = None) -> None:
        self.run = run
        self.archive = archive
        self.is_joint = run.data.stream == "joint"
        self.tasks = Tasks(archive, run.data, run.seed)
        self.num_tasks = len(self.tasks.tasks)
        self.device = choose_device(run.device)
        if self.device.type == "cpu":
            keep_freed_memory()
        shape, num_classes = self.tasks.clip_shape, self.tasks.num_classes
        about = archive.description
        self.learner = make_learner(run, shape, num_classes, about.parts, self.device, about.bones)
        self.on_step: Callable[[], None] = lambda: None
        self.evaluation = Evaluation(run, self.tasks, self.learner, lambda: self.on_step())
        self.on_progress: Callable[[Position], None] | None = None
        self._shared: Path | None = None
        if first_tasks is not None and first_task.can_share(run):
            key = first_task.shared_key(run, archive.fingerprint, self.device)
            self._shared = first_tasks / f"{key}.pt"
        self._shared_seconds = None if self._shared is None else 0.0
        self._shuffle = torch_generator(run.seed, "shuffle")
        self._done = 0
        self._epochs_done = 0  # of all phases
        self._main_share = 0.0  # done of the current task's main phase, in [0, 1]
        self._train_seconds = 0.0
        self._steps = 0  # of the current task, in all phases
        self._watch_seconds = 0.0  # evaluating on the way through the current task
        self._speed = Speed()

    @property
    def accuracy_matrix(self) -> NDArray[np.float64]:
        """(task, task) percent, NaN where not learned yet."""
        return self.evaluation.matrix.copy()

    def __iter__(self) -> Iterator[TaskResult]:
        """Learn what is left, one result a task (one in all on the joint stream)."""
        if self._done == 0:
            self.evaluation.measure_untrained()
        while self._done < self.num_tasks:
            yield self._learn_next()

    def _learn_next(self) -> TaskResult:
        """Learn the next task, evaluate on all tasks seen, and return the measurements."""
        started = time.perf_counter()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        self.evaluation.measure_before(self._done)
        number = self.num_tasks if self.is_joint else self._done + 1
        learning = time.perf_counter()
        losses, rows = self._learn(union(self.tasks.tasks[self._done : number]), number)
        self._train_seconds += time.perf_counter() - learning - self._watch_seconds
        epochs = by_metric(self._epochs_done + 1, rows)
        self._epochs_done += len(rows)
        self._done = number
        self.evaluation.measure(number)
        measured = self.evaluation.metrics() | self.learner.measurements()
        measured |= self._speed.metrics() | losses
        measured["time/train_seconds"] = self._train_seconds
        measured["time/task_seconds"] = time.perf_counter() - started
        if self._shared_seconds is not None:
            measured["time/shared_seconds"] = self._shared_seconds
        if self.device.type == "cuda":  # reserved: the tensors of CUDA graphs are not "allocated"
            measured["gpu/peak_bytes"] = float(torch.cuda.max_memory_reserved(self.device))
        return TaskResult(number, self.num_tasks, measured, self.accuracy_matrix, epochs)

    def _learn(self, task: Task, number: int) -> tuple[Means, list[Means]]:
        """Go through the phases of one task.

        Returns:
            The losses of each phase's last epoch, and the means of every epoch.
        """
        self.learner.begin_task(task.learned)
        passes = Passes(self, task)
        self._main_share = 0.0
        self._steps, self._watch_seconds = 0, 0.0
        losses: Means = {}
        rows: list[Means] = []
        for phase in self.learner.phases():
            if phase.name == "train" and number == 1 and self._shared is not None:
                epochs = self._share_phase(phase, passes, self._shared)
            else:
                epochs = self._learn_phase(phase, passes, number)
            rows += epochs
            losses |= losses_of(epochs[-1]) if epochs else {}
            if phase.name == "train" and self.run.optimiser.statistics == "balanced":
                draws = torch_generator(self.run.seed, "statistics", number)
                balance_statistics(self.learner, passes.own, draws)
        self.learner.end_task(passes.own)
        with self.learner.optimiser.averaged():  # as in evaluation
            self.learner.prepare_to_predict()
        return losses, rows

    def _share_phase(self, phase: Phase, passes: Passes, file: Path) -> list[Means]:
        """Take the first task's main phase from another run, or learn it and leave it there."""
        found = first_task.find(file)
        if found is not None:
            memory = self.learner.state_dict()["memory"]
            with fitting(file, "remove it, and the first task is learned anew"):
                self.learner.load_state_dict({**found.learner, "memory": memory})
                self._shuffle.set_state(found.shuffle)
            self._train_seconds += found.seconds
            self._shared_seconds = found.seconds
            passes.take(phase.epochs)
            self._tell(phase, phase.epochs - 1, 1)
            return found.epochs
        started = time.perf_counter()
        epochs = self._learn_phase(phase, passes, 1)
        seconds = time.perf_counter() - started
        assert not self.learner.memory, "a learner with later fields has used its memory"
        learner = self.learner.state_dict()
        del learner["memory"]
        shuffle = self._shuffle.get_state()
        first_task.keep(file, first_task.MainPhase(learner, shuffle, epochs, seconds))
        return epochs

    def _learn_phase(self, phase: Phase, passes: Passes, number: int) -> list[Means]:
        """Take all epochs of a phase; return the means of each."""
        epochs: list[Means] = []
        for epoch in range(phase.epochs):
            clips = passes.take()
            if epoch == 0:
                batches = -(-len(clips) // self.run.optimiser.batch_size)
                is_main = phase.name == "train"
                self.learner.optimiser.begin_phase(phase.epochs * batches if is_main else 0)
            started = time.perf_counter() - self._watch_seconds
            losses = self._learn_epoch(phase, clips)
            self._check_finite(losses, phase, epoch, number)
            if phase.name == "train" and (self.is_joint or number > 1):
                seconds = time.perf_counter() - self._watch_seconds - started
                self._speed.add(seconds, len(clips))
            epochs.append(named(phase.name, losses, self.learner.take_accuracy()))
            self._tell(phase, epoch, number)
        return epochs

    def _learn_epoch(self, phase: Phase, clips: Clips) -> dict[str, float]:
        """Take a step on every batch; return the mean of each loss over the steps that had it."""
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        order = torch.randperm(len(clips), generator=self._shuffle)
        for rows in order.split(self.run.optimiser.batch_size):
            for name, loss in phase.step(clips.take(rows)).items():
                sums[name] = sums[name] + loss if name in sums else loss
                counts[name] = counts.get(name, 0) + 1
            self._watch()
        return {name: float(total) / counts[name] for name, total in sums.items()}

    def _watch(self) -> None:
        """Count a step; evaluate the tasks learned before as often as the run asks for it."""
        self._steps += 1
        self.on_step()
        every = self.run.data.evaluate_every
        if not every or self._steps % every or not self._done:
            return
        started = time.perf_counter()
        self.evaluation.measure_within(self._done)
        self._watch_seconds += time.perf_counter() - started

    def _check_finite(
        self, losses: dict[str, float], phase: Phase, epoch: int, number: int
    ) -> None:
        for name, mean in losses.items():
            if not np.isfinite(mean):
                raise DivergenceError(
                    f"The loss {name!r} became {mean} in task {number}, epoch {epoch + 1} of "
                    f"phase {phase.name!r}; lower optimiser.learning_rate (now "
                    f"{self.run.optimiser.learning_rate:g}) or the weights of the losses."
                )

    def _tell(self, phase: Phase, epoch: int, number: int) -> None:
        """Tell where the run is."""
        if phase.name == "train":
            self._main_share = (epoch + 1) / phase.epochs
        if self.on_progress is None:
            return
        before = 0 if self.is_joint else number - 1
        fraction = (before + self._main_share * (number - before)) / self.num_tasks
        self.on_progress(
            Position(number, self.num_tasks, phase.name, epoch + 1, phase.epochs, fraction)
        )

    def state_dict(self) -> dict[str, Any]:
        """Return everything a stream of the same run and data needs to continue."""
        return {
            "done": self._done,
            "epochs": self._epochs_done,
            "learner": self.learner.state_dict(),
            "shuffle": self._shuffle.get_state(),
            **self.evaluation.state_dict(),
            "train_seconds": self._train_seconds,
            "shared_seconds": self._shared_seconds,
            "main": list(astuple(self._speed)),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue after the last task that ``state`` has seen.

        Raises:
            Exception: it is no state of such a stream, which is then of no use.
        """
        state = conform(state, _State)
        if not 0 <= state["done"] <= self.num_tasks:
            raise ValueError(f"{state['done']} of {self.num_tasks} tasks are done")
        self._done = state["done"]
        self._epochs_done = state["epochs"]
        self.learner.load_state_dict(state["learner"])
        self._shuffle.set_state(state["shuffle"])
        self.evaluation.load_state_dict(state, self._done)
        self._train_seconds = state["train_seconds"]
        self._shared_seconds = state["shared_seconds"]
        self._speed = Speed(*state["main"])
