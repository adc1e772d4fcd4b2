"""The stream: learn the tasks in order, evaluate after each.

One run is one ordinary Python loop::

    stream = Stream(run, prepare(run.data.path, cache_dir))
    for result in stream:
        print(result.metrics["test/faa"])
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from charon.clips import Clips
from charon.config import Run
from charon.data.cache.archive import Archive
from charon.errors import DivergenceError
from charon.learners.base import Learner, Phase
from charon.seeding import torch_generator
from charon.training import metrics
from charon.training.build import make_learner
from charon.training.devices import choose_device, keep_freed_memory
from charon.training.evaluation import Scored, score
from charon.training.first_task import FirstTask, MainPhase, can_share
from charon.training.tasks import Task, Tasks


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes:
        task: 1-based, the task being learned.
        num_tasks: tasks the stream learns.
        phase: name of the phase.
        epoch: 1-based, the epoch of the phase that has just ended.
        epochs: of the phase.
        fraction: of the whole run's main-phase epochs that are done, in [0, 1].
    """

    task: int
    num_tasks: int
    phase: str
    epoch: int
    epochs: int
    fraction: float


@dataclass(frozen=True)
class TaskResult:
    """What is known after a task.

    Attributes:
        task: tasks seen.
        num_tasks: tasks of the stream.
        metrics: by name, as they are logged: ``test/faa`` (``val/...`` under
            ``data.evaluate_on="val"``) is the mean accuracy over the tasks seen, and FAA after
            the last. Percent and percentage points. What is not defined is left out.
        accuracy_matrix: (task, task) percent, NaN where not learned yet.
    """

    task: int
    num_tasks: int
    metrics: dict[str, float]
    accuracy_matrix: NDArray[np.float64]

    @property
    def is_last(self) -> bool:
        """Whether the stream has ended."""
        return self.task == self.num_tasks


class Stream:
    """A run that can be iterated, saved between tasks, and continued.

    Attributes:
        run: its description.
        tasks: its data.
        learner: its method.
        on_progress: called after every epoch, if set.
    """

    def __init__(self, run: Run, archive: Archive, first_tasks: Path | None = None) -> None:
        """Make a run ready; nothing is learned yet.

        Args:
            run: what to learn.
            archive: the prepared set.
            first_tasks: folder in which runs share the main phase of their first task, where
                their learner can; None shares nothing. Results are the same, but for what
                the clock and a GPU's memory say of the first task.

        Raises:
            ConfigError, DataError: the settings do not fit the data.
        """
        self.run = run
        self.archive = archive
        self.tasks = Tasks(archive, run.data, run.seed)
        self.device = choose_device(run.device)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.learner: Learner = make_learner(
            run,
            self.tasks.clip_shape,
            self.tasks.num_classes,
            archive.description.parts,
            self.device,
        )
        self.on_progress: Callable[[Progress], None] | None = None
        self._first_task: FirstTask | None = None
        self._shared_seconds: float | None = None
        if first_tasks is not None and can_share(run):
            self._first_task = FirstTask(first_tasks, run, archive.fingerprint, self.device)
            self._shared_seconds = 0.0
        self._shuffle = torch_generator(run.seed, "shuffle")
        num_tasks = len(self.tasks.tasks)
        self._done = 0
        self._matrix = np.full((num_tasks, num_tasks), np.nan)
        self._task_il = np.full(num_tasks, np.nan)
        self._before = np.full(num_tasks, np.nan)
        self._untrained = np.full(num_tasks, np.nan)
        self._train_seconds = 0.0
        self._main_seconds = 0.0
        self._main_epochs = 0
        self._main_clips = 0
        self._scored: list[Scored] = []

    @property
    def num_tasks(self) -> int:
        """Tasks the stream has; the joint stream learns them as one."""
        return len(self.tasks.tasks)

    @property
    def is_joint(self) -> bool:
        """Whether all tasks are learned as one."""
        return self.run.data.stream == "joint"

    def __iter__(self) -> Iterator[TaskResult]:
        """Learn what is left, one result a task (one in all on the joint stream)."""
        if self._done == 0 and not self.is_joint and self.learner.knows_unseen:
            self._measure_untrained()
        while self._done < self.num_tasks:
            yield self._learn_next()

    @property
    def accuracy_matrix(self) -> NDArray[np.float64]:
        """(task, task) percent, NaN where not learned yet."""
        return self._matrix.copy()

    def _learn_next(self) -> TaskResult:
        started = time.perf_counter()
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        if not self.is_joint and self._done > 0 and self.learner.knows_unseen:
            self._before[self._done] = self._accuracy_of_next(self._done)
        last = self.num_tasks - 1 if self.is_joint else self._done
        learning = time.perf_counter()
        losses = self._learn(self._union(self._done, last), last + 1)
        self._train_seconds += time.perf_counter() - learning
        self._done = last + 1
        self._evaluate()
        measured = self.learner.measurements() | self._speed() | losses
        measured["time/train_seconds"] = self._train_seconds
        measured["time/task_seconds"] = time.perf_counter() - started
        if self._shared_seconds is not None:
            measured["time/shared_seconds"] = self._shared_seconds
        if self.device.type == "cuda":
            measured["gpu/peak_bytes"] = float(torch.cuda.max_memory_allocated(self.device))
        return TaskResult(
            self._done, self.num_tasks, self._accuracies() | measured, self.accuracy_matrix
        )

    def _union(self, first: int, last: int) -> Task:
        """Return tasks ``first`` to ``last`` as one."""
        some = self.tasks.tasks[first : last + 1]
        return Task(
            range(some[0].classes.start, some[-1].classes.stop),
            np.concatenate([task.train for task in some]),
            np.concatenate([task.test for task in some]),
        )

    def _learn(self, task: Task, number: int) -> dict[str, float]:
        """Go through the phases of one task; return the mean losses of each last epoch."""
        self.learner.begin_task(task.classes)
        own = self.tasks.load(task.train, "train").to(self.device)
        clips = self.learner.training_set(own)
        losses: dict[str, float] = {}
        passes, share = 0, 0.0
        for phase in self.learner.phases():
            means: dict[str, float] = {}
            shared = self._first_task if phase.name == "train" and number == 1 else None
            found = shared.find() if shared is not None else None
            if found is not None:
                means, passes, share = self._take_over(found), phase.epochs, 1.0
                if self.run.data.crop == "epoch":
                    own = self.tasks.load(task.train, "train", passes - 1).to(self.device)
                self._tell(phase, passes - 1, number, share)
            began = time.perf_counter()
            for epoch in range(phase.epochs if found is None else 0):
                if passes > 0 and self.run.data.crop == "epoch":
                    own = self.tasks.load(task.train, "train", passes).to(self.device)
                    clips = self.learner.training_set(own)
                passes += 1
                started = time.perf_counter()
                means = self._epoch(phase, clips)
                self._check_finite(means, phase, epoch, number)
                if phase.name == "train" and (self.is_joint or number > 1):
                    self._main_seconds += time.perf_counter() - started
                    self._main_epochs += 1
                    self._main_clips += len(clips)
                if phase.name == "train":
                    share = (epoch + 1) / phase.epochs
                self._tell(phase, epoch, number, share)
            if shared is not None and found is None:
                shared.keep(self._main_phase(means, time.perf_counter() - began))
            losses |= {f"{phase.name}/loss/{name}": mean for name, mean in means.items()}
        self.learner.end_task(own)
        return losses

    def _main_phase(self, losses: dict[str, float], seconds: float) -> MainPhase:
        """Return what the first task's main phase, just ended, has come to."""
        learner = self.learner.state_dict()
        assert not self.learner.memory, "a learner with later fields has used its memory"
        del learner["memory"]
        return MainPhase(learner, self._shuffle.get_state(), losses, seconds)

    def _take_over(self, found: MainPhase) -> dict[str, float]:
        """Go on as if this run had learned the main phase itself; return its losses."""
        memory = self.learner.state_dict()["memory"]
        self.learner.load_state_dict({**found.learner, "memory": memory})
        self._shuffle.set_state(found.shuffle)
        self._train_seconds += found.seconds
        self._shared_seconds = found.seconds
        return found.losses

    def _epoch(self, phase: Phase, clips: Clips) -> dict[str, float]:
        """Take a step on every batch; return the mean of each loss over the steps that had it."""
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        order = torch.randperm(len(clips), generator=self._shuffle)
        for some in order.split(self.run.optimiser.batch_size):
            for name, loss in phase.step(clips.take(some)).items():
                sums[name] = sums[name] + loss if name in sums else loss
                counts[name] = counts.get(name, 0) + 1
        return {name: float(total) / counts[name] for name, total in sums.items()}

    def _check_finite(self, means: dict[str, float], phase: Phase, epoch: int, number: int) -> None:
        for name, mean in means.items():
            if not np.isfinite(mean):
                raise DivergenceError(
                    f"The loss {name!r} became {mean} in task {number}, epoch {epoch + 1} of "
                    f"phase {phase.name!r}; lower optimiser.learning_rate (now "
                    f"{self.run.optimiser.learning_rate:g}) or the weights of the losses. "
                    f"The run: {self.run.to_flat()}."
                )

    def _tell(self, phase: Phase, epoch: int, number: int, share: float) -> None:
        """Report an epoch; ``share`` is what is done of the task's main phase, in [0, 1]."""
        if self.on_progress is None:
            return
        before = 0 if self.is_joint else number - 1
        fraction = (before + share * (number - before)) / self.num_tasks
        self.on_progress(
            Progress(number, self.num_tasks, phase.name, epoch + 1, phase.epochs, fraction)
        )

    def _score(self, index: int) -> Scored:
        task = self.tasks.tasks[index]
        return score(self.learner, self.tasks.load(task.test, "test"), task.classes, self.device)

    def _accuracy_of_next(self, index: int) -> float:
        """Return the accuracy on a task not learned yet, over the outputs up to its own."""
        scored = self._score(index)
        return scored.accuracy(range(scored.classes.stop))

    def _measure_untrained(self) -> None:
        for index in range(1, self.num_tasks):
            self._untrained[index] = self._accuracy_of_next(index)

    def _evaluate(self) -> None:
        """Score the tasks seen and fill a row of the accuracy matrix."""
        seen = self.tasks.tasks[self._done - 1].classes.stop
        among = range(seen if self.run.argmax == "seen" else self.tasks.num_classes)
        self._scored = [self._score(index) for index in range(self._done)]
        for index, scored in enumerate(self._scored):
            self._matrix[self._done - 1, index] = scored.accuracy(among)
            self._task_il[index] = scored.accuracy(scored.classes)

    def _accuracies(self) -> dict[str, float]:
        row = self._matrix[self._done - 1]
        named = {
            "faa": metrics.average_accuracy(row),
            "task_il_faa": metrics.average_accuracy(self._task_il),
        }
        if not self.is_joint:
            named |= {
                "forgetting": metrics.forgetting(self._matrix),
                "bwt": metrics.backward_transfer(self._matrix),
                "fwt": metrics.forward_transfer(self._before, self._untrained),
                "average_incremental_accuracy": metrics.average_incremental_accuracy(self._matrix),
            }
        named |= {f"acc/task_{k + 1:02d}": row[k] for k in range(self._done)}
        where = self.run.data.evaluate_on
        return {f"{where}/{n}": float(v) for n, v in named.items() if np.isfinite(v)}

    def _speed(self) -> dict[str, float]:
        """Return the speed of the main phases of tasks 2..T, without probing and evaluation."""
        if not self._main_epochs:
            return {}
        return {
            "train/epochs_per_hour": 3600 * self._main_epochs / self._main_seconds,
            "train/clips_per_second": self._main_clips / self._main_seconds,
        }

    def confusion(self) -> NDArray[np.int64]:
        """Return (true class, predicted class) counts of the last evaluation.

        Classes are positions of the class order; those not learned yet have no counts.
        """
        num_classes = self.tasks.num_classes
        counts = np.zeros((num_classes, num_classes), dtype=np.int64)
        if self._scored:
            stop = self.tasks.tasks[self._done - 1].classes.stop
            among = range(stop if self.run.argmax == "seen" else num_classes)
            for scored in self._scored:
                np.add.at(counts, (scored.label.numpy(), scored.predictions(among).numpy()), 1)
        return counts

    def state_dict(self) -> dict[str, Any]:
        """Return everything a stream of the same run and data needs to continue."""
        return {
            "done": self._done,
            "learner": self.learner.state_dict(),
            "shuffle": self._shuffle.get_state(),
            "matrix": torch.from_numpy(self._matrix.copy()),
            "task_il": torch.from_numpy(self._task_il.copy()),
            "before": torch.from_numpy(self._before.copy()),
            "untrained": torch.from_numpy(self._untrained.copy()),
            "train_seconds": self._train_seconds,
            "shared_seconds": self._shared_seconds,
            "main": [self._main_seconds, self._main_epochs, self._main_clips],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue after the last task that ``state`` has seen."""
        self._done = state["done"]
        self.learner.load_state_dict(state["learner"])
        self._shuffle.set_state(state["shuffle"])
        self._matrix = state["matrix"].numpy().copy()
        self._task_il = state["task_il"].numpy().copy()
        self._before = state["before"].numpy().copy()
        self._untrained = state["untrained"].numpy().copy()
        self._train_seconds = state["train_seconds"]
        self._shared_seconds = state["shared_seconds"]
        self._main_seconds, self._main_epochs, self._main_clips = state["main"]
        if self._done:
            self._scored = [self._score(index) for index in range(self._done)]
