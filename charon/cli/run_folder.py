"""The folder of one run: what it holds while the run goes on, and how it goes on later."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from charon.config import Run
from charon.errors import CharonError, CheckpointError
from charon.files import is_full, read_json, write_text
from charon.training.artifacts import ABOUT, write_description, write_outputs
from charon.training.checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint
from charon.training.stream import Stream, TaskResult

METRICS = "metrics.jsonl"
"""One JSON object a task: ``task`` and all its metrics by their names."""


class RunFolder:
    """Keeps a run on disk; every file of it is whole at any time.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is read or made yet."""
        self.path = path
        self._metrics: list[dict[str, Any]] = []

    def refuse_used(self) -> None:
        """Refuse a folder that holds something.

        Raises:
            CharonError: it does, or it cannot be looked into.
        """
        with self._accessing("read"):
            used = self.path.is_dir() and any(self.path.iterdir())
        if used:
            raise CharonError(
                f"{self.path} is not empty; give another --output, or --resume to continue the "
                "run that it holds."
            )

    def saved_run(self) -> Run:
        """Return the settings of the run that the folder holds.

        Raises:
            CheckpointError: it holds none.
        """
        try:
            about = read_json(self.path / ABOUT)
            return Run.from_flat(about["run"])
        except FileNotFoundError as error:
            raise CheckpointError(
                f"{self.path} holds no run to resume; without --resume one is started there."
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{self.path / ABOUT} cannot be read ({error}); start again in another folder."
            ) from error

    def start(self, stream: Stream) -> None:
        """Make the folder and note down what is run."""
        with self._accessing("written"):
            write_description(self.path, stream)

    def load(self, stream: Stream) -> int:
        """Put a stream where the run stopped; return the tasks it has learned.

        Raises:
            CheckpointError: the checkpoint is damaged, or the clips are others than before.
        """
        about = read_json(self.path / ABOUT)
        found = stream.archive.fingerprint
        if about["fingerprint"] != found:
            raise CheckpointError(
                f"{self.path} holds a run on other clips than {stream.archive.source} has now "
                f"(fingerprint {about['fingerprint']}, now {found}); start again in another folder."
            )
        if not (self.path / CHECKPOINT).exists():
            return 0
        state = load_checkpoint(self.path, stream.run)
        try:
            stream.load_state_dict(state)
        except (RuntimeError, KeyError) as error:
            raise CheckpointError(
                f"{self.path / CHECKPOINT} does not fit this version of the program; continue with "
                "the version that wrote it, or start again in another folder."
            ) from error
        done: int = state["done"]
        lines = (self.path / METRICS).read_text(encoding="utf-8").splitlines()
        self._metrics = [one for one in map(json.loads, lines) if one["task"] <= done]
        return done

    def save(self, stream: Stream, result: TaskResult) -> None:
        """Keep what is known after a task, so that the run can go on from here."""
        self._metrics.append({"task": result.task, **result.metrics})
        with self._accessing("written"):
            # Metrics first: those of a task whose checkpoint is missing are dropped later.
            lines = (json.dumps(metrics) + "\n" for metrics in self._metrics)
            write_text(self.path / METRICS, "".join(lines))
            save_checkpoint(self.path, stream.state_dict(), stream.run)

    def finish(self, stream: Stream) -> None:
        """Write what a finished run leaves behind."""
        with self._accessing("written"):
            write_outputs(self.path, stream)

    @contextmanager
    def _accessing(self, how: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if is_full(error):
                problem = "has no space left; free some"
            else:
                problem = f"cannot be {how} ({error.strerror or error}); mend that"
            raise CharonError(
                f"The output folder {self.path} {problem}, or choose another with --output. "
                "What was saved before can be continued with --resume."
            ) from error
