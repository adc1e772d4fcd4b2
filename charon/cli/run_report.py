"""The lines of ``charon run``: its title, its progress, a line a task, its end."""

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from charon.cli.clips import STANDIN_NOTE
from charon.cli.console import Status
from charon.text import byte_size, clock, counted
from charon.training.stream import Position, Stream, TaskResult


def title(stream: Stream) -> str:
    """Return what is learned, on which clips."""
    run, tasks = stream.run, stream.tasks
    sizes = sorted({len(task.classes) for task in tasks.tasks})
    each = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    lines = [
        f"{run.learner_name} on {run.data.path}, {tasks.protocol}: "
        f"{counted(stream.num_tasks, 'task')} of {each} classes"
        f"{run.data.tasks_in_words}; "
        f"{counted(tasks.num_training_clips, 'training clip')}; seed {run.seed}; {stream.device}."
    ]
    if stream.archive.description.is_standin:
        lines.append(f"This is {STANDIN_NOTE}.")
    if tasks.val_rule != "none":
        lines.append(f"Evaluated on validation clips: {tasks.val_rule}.")
    return "\n".join(lines)


def memory_warning(stream: Stream) -> str:
    """Return a warning if the memory can hold every training clip; else nothing."""
    memory, num_clips = stream.learner.memory, stream.tasks.num_training_clips
    if memory is None or memory.capacity < num_clips:
        return ""
    is_in_bytes = stream.run.to_flat().get("learner.buffer_bytes") is not None
    field = "learner.buffer_bytes" if is_in_bytes else "learner.buffer_size"
    return (
        f"Warning: the memory can hold {memory.capacity:,} clips, all of the {num_clips:,} "
        f"training clips, so nothing need be forgotten; lower {field}."
    )


def task_json(result: TaskResult) -> dict[str, Any]:
    """Return the measurements after a task, for scripts."""
    return {"task": result.task, "num_tasks": result.num_tasks, "metrics": result.metrics}


def task_line(result: TaskResult) -> str:
    """Return the measurements after a task."""
    metrics = {
        name.removeprefix("test/").removeprefix("val/"): v for name, v in result.metrics.items()
    }
    tasks = " ".join(f"{metrics[f'acc/task_{k + 1:02d}']:5.1f}" for k in range(result.task))
    parts = [f"task {result.task}/{result.num_tasks}", f"FAA {metrics['faa']:5.1f} %"]
    if "forgetting" in metrics:
        parts.append(f"forgetting {metrics['forgetting']:5.1f}")
    parts.append(f"tasks {tasks}")
    if metrics.get("memory/clips"):
        clips = counted(int(metrics["memory/clips"]), "clip")
        parts.append(f"memory {clips}, {byte_size(metrics['memory/bytes'])}")
    if "train/epochs_per_hour" in metrics:
        parts.append(f"{metrics['train/epochs_per_hour']:,.0f} epochs/h")
    parts.append(clock(metrics["time/task_seconds"]))
    return "  ".join(parts)


def closing(stream: Stream, folder: Path) -> str:
    """Return the result, and how to use the model."""
    faa = float(stream.accuracy_matrix[-1].mean())
    of = f" of {STANDIN_NOTE}" if stream.archive.description.is_standin else ""
    return (
        f"FAA {faa:.2f} % over {counted(stream.num_tasks, 'task')}{of}.\n"
        f"The model and all accuracies are in {folder}; label clips with\n"
        f"  charon predict {shlex.quote(str(folder))} PATH"
    )


class EpochProgress:
    """Shows how far a run is, and how long the rest may take.

    ``check`` is called after every epoch, and may raise.
    """

    def __init__(self, status: Status, check: Callable[[], None]) -> None:
        self._status, self._check = status, check
        self._first: tuple[float, float] | None = None

    def __call__(self, position: Position) -> None:
        """Show that an epoch has ended."""
        self._check()
        now = time.monotonic()
        # From the first epoch on: a resumed run does not start at 0.
        since, begun = self._first = self._first or (now, position.fraction)
        gained = position.fraction - begun
        left = (now - since) / gained * (1 - position.fraction) if gained > 0 else None
        self._status.show(
            f"task {position.task}/{position.num_tasks}: {position.phase} epoch "
            f"{position.epoch}/{position.epochs}"
            f"{'' if left is None else f', about {clock(left)} left'}"
        )
