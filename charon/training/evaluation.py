"""Accuracies of a stream: every task's evaluation clips are scored after each task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from charon.clips import Clips
from charon.config import Run
from charon.learners.base import Learner
from charon.training import metrics
from charon.training.tasks import Tasks

CLIPS_AT_ONCE = 128
"""Clips scored at once; evaluation mode, so results do not depend on it."""


@dataclass(frozen=True)
class Scored:
    """The scores of one task's evaluation clips, on the CPU."""

    scores: Tensor  # float32 (clip, class)
    label: Tensor  # int64 (clip,)
    classes: range  # of the task

    def predictions(self, among: range) -> Tensor:
        """Return the best class of ``among`` for each clip, int64 (clip,)."""
        return self.scores[:, among.start : among.stop].argmax(dim=1) + among.start

    def is_right(self, among: range) -> Tensor:
        """Return whether each clip is labelled right when one of ``among`` is chosen, (clip,)."""
        return self.predictions(among) == self.label

    def accuracy(self, among: range) -> float:
        """Return the accuracy in percent when one of ``among`` is chosen."""
        return accuracy_over([self], among)


def accuracy_over(scored: Sequence[Scored], among: range) -> float:
    """Return the percent of the clips of some tasks, together, that are labelled right."""
    return 100.0 * float(torch.cat([task.is_right(among) for task in scored]).double().mean())


def score(learner: Learner, clips: Clips, classes: range) -> Scored:
    """Score the evaluation clips of a task, in batches."""
    parts = [
        learner.predict(clips.take(rows).to(learner.setup.device)).float().cpu()
        for rows in torch.arange(len(clips)).split(CLIPS_AT_ONCE)
    ]
    return Scored(torch.cat(parts), clips.label, classes)


class Evaluation:
    """The accuracies of a stream's learner, kept from task to task.

    Attributes:
        matrix: the accuracy matrix, see :mod:`charon.training.metrics`.
        task_il: (task,) percent in the last evaluation, each task over its own outputs alone.
        lowest: (task,) percent, the lowest accuracy since each task was learned, on the way through
            later tasks and after them; NaN unless ``data.evaluate_every`` asks for it.
        before: (task,) percent just before the task is learned, over the outputs up to its own.
        untrained: the same of the untrained network. Both of these make forward transfer, and
            are NaN where it is not defined.
    """

    def __init__(
        self,
        run: Run,
        tasks: Tasks,
        learner: Learner,
        on_task: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; ``on_task`` is called whenever the clips of a task have been scored."""
        self._run, self._tasks, self._learner, self._on_task = run, tasks, learner, on_task
        num_tasks = len(tasks.tasks)
        self.matrix = np.full((num_tasks, num_tasks), np.nan)
        self.task_il, self.before, self.untrained, self.lowest = (
            np.full(num_tasks, np.nan) for _ in range(4)
        )
        self._is_joint = run.data.stream == "joint"
        self._has_transfer = not self._is_joint and learner.knows_unseen
        self._scored: list[Scored] = []

    def measure_untrained(self) -> None:
        """Score all tasks but the first, before any is learned."""
        if self._has_transfer:
            for index in range(1, len(self._tasks.tasks)):
                self.untrained[index] = self._accuracy_of_next(index)

    def measure_before(self, index: int) -> None:
        """Score a task just before it is learned; nothing is known before the first."""
        if self._has_transfer and index > 0:
            self.before[index] = self._accuracy_of_next(index)

    def measure(self, num_seen: int) -> None:
        """Score the tasks seen, and fill a row of the accuracy matrix."""
        self._scored = [self._score(index) for index in range(num_seen)]
        for index, scored in enumerate(self._scored):
            self.matrix[num_seen - 1, index] = scored.accuracy(self._outputs)
            self.task_il[index] = scored.accuracy(scored.classes)
        if self._run.data.evaluate_every and not self._is_joint:
            self._lower(self.matrix[num_seen - 1, : num_seen - 1])

    def measure_within(self, num_seen: int) -> None:
        """Score the tasks seen, while the next one is being learned; all outputs up to it count."""
        with self._learner.optimiser.averaged():
            self._learner.prepare_to_predict()
        outputs = self._outputs_after(num_seen + 1)
        scored = [self._score(index) for index in range(num_seen)]
        self._lower(np.array([each.accuracy(outputs) for each in scored]))

    def _lower(self, accuracies: NDArray[np.float64]) -> None:
        """Take the accuracies of the first tasks into account in the lowest."""
        first = self.lowest[: len(accuracies)]
        first[:] = np.fmin(first, accuracies)

    def metrics(self) -> dict[str, float]:
        """Return what follows from the last evaluation, by the names under which it is logged."""
        row = self.matrix[len(self._scored) - 1]
        named = {
            "faa": metrics.average_accuracy(row),
            "task_il_faa": metrics.average_accuracy(self.task_il),
            "accuracy": accuracy_over(self._scored, self._outputs),
        }
        if not self._is_joint and len(self._scored) > 1:
            *before, last = self._scored
            old, new = accuracy_over(before, self._outputs), last.accuracy(self._outputs)
            named |= {"old": old, "new": new, "harmonic_mean": metrics.harmonic_mean(old, new)}
            lowest = float(np.mean(self.lowest[: len(before)]))
            named["lowest_accuracy"] = lowest
            named["worst_case_accuracy"] = metrics.worst_case_accuracy(
                lowest, new, len(self._scored)
            )
        if not self._is_joint:
            named |= {
                "forgetting": metrics.forgetting(self.matrix),
                "bwt": metrics.backward_transfer(self.matrix),
                "fwt": metrics.forward_transfer(self.before, self.untrained),
                "average_incremental_accuracy": metrics.average_incremental_accuracy(self.matrix),
            }
        named |= {f"acc/task_{k + 1:02d}": row[k] for k in range(len(self._scored))}
        where = self._run.data.evaluate_on
        return {f"{where}/{name}": float(v) for name, v in named.items() if np.isfinite(v)}

    def confusion(self) -> NDArray[np.int64]:
        """Return (true class, predicted class) counts of the last evaluation.

        Classes are positions of the class order; those not learned yet have no counts.
        """
        counts = np.zeros((self._tasks.num_classes,) * 2, dtype=np.int64)
        for scored in self._scored:
            predicted = scored.predictions(self._outputs)
            np.add.at(counts, (scored.label.numpy(), predicted.numpy()), 1)
        return counts

    def predictions(self, top: int = 5) -> dict[str, NDArray[Any]]:
        """Return the last evaluation clip by clip, in the order of the tasks' clips.

        ``task`` (from 0), ``label`` and ``prediction`` are int16 (clip,); ``top_class``, int16,
        and ``top_score``, float16, are (clip, top): the classes with the highest scores among
        the outputs of which the prediction is chosen, the highest first.
        """
        last = self._outputs.stop
        best = [scored.scores[:, :last].topk(min(top, last)) for scored in self._scored]
        columns = {
            "task": [torch.full_like(s.label, k) for k, s in enumerate(self._scored)],
            "label": [scored.label for scored in self._scored],
            "prediction": [scored.predictions(self._outputs) for scored in self._scored],
            "top_class": [found.indices for found in best],
        }
        whole = {name: torch.cat(parts).numpy() for name, parts in columns.items()}
        arrays: dict[str, NDArray[Any]] = {n: v.astype(np.int16) for n, v in whole.items()}
        scores = torch.cat([found.values for found in best]).numpy()
        return arrays | {"top_score": scores.astype(np.float16)}

    def state_dict(self) -> dict[str, Any]:
        """Return copies of the accuracies that no later evaluation makes anew."""
        return {name: torch.from_numpy(getattr(self, name).copy()) for name in self._SAVED}

    def load_state_dict(self, state: dict[str, Any], num_seen: int) -> None:
        """Continue after ``num_seen`` tasks, with a learner that is where it was then.

        Raises:
            ValueError: an array has another shape or type.
        """
        for name in state.keys() & set(self._SAVED):  # older states lack some
            saved, own = state[name].numpy(), getattr(self, name)
            if (saved.shape, saved.dtype) != (own.shape, own.dtype):
                raise ValueError(f"{name} has the shape {saved.shape} of {saved.dtype}")
            setattr(self, name, saved.copy())
        self._scored = [self._score(index) for index in range(num_seen)]

    _SAVED = ("matrix", "before", "untrained", "lowest")

    @property
    def _outputs(self) -> range:
        """The outputs among which a prediction is chosen."""
        return self._outputs_after(len(self._scored))

    def _outputs_after(self, num_seen: int) -> range:
        """Return the outputs among which a prediction is chosen after so many tasks."""
        seen = self._tasks.tasks[num_seen - 1].learned.stop
        return range(seen if self._run.argmax == "seen" else self._tasks.num_classes)

    def _score(self, index: int) -> Scored:
        task = self._tasks.tasks[index]
        with self._learner.optimiser.averaged():
            scored = score(self._learner, self._tasks.load(task.test, "test"), task.classes)
        self._on_task()
        return scored

    def _accuracy_of_next(self, index: int) -> float:
        scored = self._score(index)
        return scored.accuracy(range(scored.classes.stop))
