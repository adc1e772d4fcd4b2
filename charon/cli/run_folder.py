"""The folder of a run: its description, metrics and checkpoint, from which it is resumed."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from charon.config import Run
from charon.errors import CharonError, CheckpointError
from charon.files import parse_json, read_json, reading_from, write_text, writing_to
from charon.plain import conform
from charon.settings import Value
from charon.training.artifacts import ABOUT, write_description, write_outputs
from charon.training.checkpoint import CHECKPOINT, fitting, load_checkpoint, save_checkpoint
from charon.training.stream import Stream, TaskResult

METRICS = "metrics.jsonl"
"""One JSON object a task: ``task`` and all its metrics by their names."""


class _About(TypedDict):
    """What is read of ``run.json``."""

    run: dict[str, Value]
    fingerprint: NotRequired[str]


class _TaskMetrics(TypedDict):
    """What is read of a line of metrics."""

    task: int


class RunFolder:
    """Keeps a run on disk; each of its files is whole at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._metrics: list[dict[str, Any]] = []

    def refuse_used(self) -> None:
        """Raise CharonError for a folder that is not empty, or cannot be read."""
        try:
            used = self.path.is_dir() and any(self.path.iterdir())
        except OSError as error:
            raise CharonError(
                f"The output folder {self.path} cannot be read ({error.strerror}); mend that, or "
                "choose another with --output."
            ) from error
        if used:
            raise CharonError(
                f"{self.path} is not empty; give another --output, or --resume to continue the "
                "run that it holds."
            )

    def saved_run(self) -> Run:
        """Return the run of the folder; CheckpointError if there is none, or a damaged one."""
        return Run.from_flat(self._about()["run"])

    def _about(self) -> dict[str, Any]:
        """Return what the folder's description says of the run; CheckpointError as above."""
        path = self.path / ABOUT
        if not path.exists():
            raise CheckpointError(
                f"{self.path} holds no run to resume; without --resume one is started there."
            )
        with reading_from(path, "start again in another folder", CheckpointError):
            about: dict[str, Any] = conform(read_json(path), _About)
            Run.from_flat(about["run"])
            return about

    def start(self, stream: Stream) -> None:
        """Make the folder and describe the run in it."""
        with self._writing():
            write_description(self.path, stream)

    def load(self, stream: Stream) -> int:
        """Bring a stream to where the run stopped; return the number of tasks it has learned.

        Raises:
            CheckpointError: the checkpoint is damaged, or the clips have changed.
        """
        before, now = self._about().get("fingerprint"), stream.archive.fingerprint
        if before != now:
            raise CheckpointError(
                f"{self.path} holds a run on other clips than {stream.archive.source} has now "
                f"(fingerprint {before}, now {now}); start again in another folder."
            )
        if not (self.path / CHECKPOINT).exists():
            return 0
        state = load_checkpoint(self.path, stream.run)
        remedy = "continue with the version that wrote it, or start again in another folder"
        with fitting(self.path / CHECKPOINT, remedy):
            stream.load_state_dict(state)
        done: int = state["done"]
        path = self.path / METRICS
        with reading_from(path, "start again in another folder", CheckpointError):
            lines = path.read_text(encoding="utf-8").splitlines()
            metrics = [conform(parse_json(line), _TaskMetrics) for line in lines]
        self._metrics = [line for line in metrics if line["task"] <= done]
        return done

    def save(self, stream: Stream, result: TaskResult) -> None:
        """Save metrics and checkpoint after a task."""
        self._metrics.append({"task": result.task, **result.metrics})
        with self._writing():
            # Metrics first: those of a task whose checkpoint is missing are dropped later.
            lines = (json.dumps(metrics) + "\n" for metrics in self._metrics)
            write_text(self.path / METRICS, "".join(lines))
            save_checkpoint(self.path, stream.state_dict(), stream.run)

    def finish(self, stream: Stream) -> None:
        """Write the files of a finished run."""
        with self._writing():
            write_outputs(self.path, stream)

    def _writing(self) -> AbstractContextManager[None]:
        remedy = (
            "choose another with --output. What was saved before can be continued with --resume"
        )
        return writing_to(f"The output folder {self.path}", remedy)
