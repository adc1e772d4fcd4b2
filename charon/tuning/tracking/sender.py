"""A thread that sends the journal to MLflow, in order, each event once.

The driver is the only writer. A server that is away does not stop the study: missing events
are sent when it is back, or with the next ``--resume``. ``tracking.json`` beside the journal
holds the position. Where it is behind (the process was killed before writing it), sending again
changes nothing: runs are looked up by their trial, and steps that MLflow has are left out.
Where MLflow has nothing of the study, all of it is sent, whatever the position.
"""

import threading
import time
from pathlib import Path

from charon.files import read_json, write_json
from charon.text import first_line
from charon.tuning.records.journal import Journal
from charon.tuning.tracking.runs import Runs, is_temporary

PAUSES_SECONDS = (1.0, 5.0, 15.0, 30.0)
"""Between attempts while the server is away; the last is repeated."""

SENDING_SECONDS = 20.0
"""How long the end of a study waits for MLflow."""

LONGEST = 300
"""Characters of an error of MLflow that are shown."""


class Sender:
    """Sends a journal to MLflow from a thread.

    Attributes:
        problem: a sentence while sending does not work, else empty.
        skipped: a sentence for every event that MLflow refused for good.
    """

    def __init__(
        self, journal: Journal, folder: Path, uri: str, experiment: str, artifacts: str | None
    ) -> None:
        """Prepare to send; nothing is connected yet.

        Args:
            journal: what to send.
            folder: the study's folder; ``tracking.json`` is kept there.
            uri: MLflow's tracking URI.
            experiment: name of the experiment.
            artifacts: root of the artifacts of a new experiment; None leaves it to the server.
        """
        self.problem = ""
        self.skipped: list[str] = []
        self._journal = journal
        self._uri = uri
        self._experiment = experiment
        self._artifacts = artifacts
        self._state_file = folder / "tracking.json"
        self._position = self._read_position()
        self._runs: Runs | None = None
        self._deadline: float | None = None
        self._thread = threading.Thread(target=self._loop, name="mlflow-sender", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self, timeout: float = SENDING_SECONDS) -> bool:
        """Send what is left for up to ``timeout`` seconds; return whether all was sent."""
        self._deadline = time.monotonic() + timeout
        self._journal.end()
        self._thread.join(timeout + 1.0)
        return self._position >= len(self._journal.events)

    def missing_lines(self, *, all_sent: bool) -> list[str]:
        """Return lines for the user about events that MLflow lacks; empty if it has all.

        Args:
            all_sent: what :meth:`close` returned.
        """
        lines = []
        if not all_sent:
            problem = self.problem or "MLflow was too slow"
            lines = [f"MLflow lacks a part of {self._experiment}: {problem}"]
            lines.append("  it is sent with the next --resume")
        return lines + [f"MLflow refused an event: {sentence}" for sentence in self.skipped[:3]]

    @property
    def experiment_id(self) -> str:
        """MLflow's number of the experiment; empty until there was contact."""
        return self._runs.experiment_id if self._runs else ""

    def _read_position(self) -> int:
        try:
            state = read_json(self._state_file)
        except (OSError, ValueError):
            return 0
        return int(state["position"]) if state.get("uri") == self._uri else 0

    def _loop(self) -> None:
        attempt = 0
        while True:
            self._journal.wait(self._position, 1.0)
            if self._is_over():
                return
            try:
                self._send_new()
            except Exception as error:
                if not is_temporary(error):
                    self.skipped.append(first_line(error)[:LONGEST])
                    self._position += 1
                    continue
                self.problem = (
                    f"MLflow at {self._uri} does not take events: {first_line(error)[:LONGEST]}"
                )
                self._pause(PAUSES_SECONDS[min(attempt, len(PAUSES_SECONDS) - 1)])
                attempt += 1
            else:
                attempt = 0
                self.problem = ""

    def _is_over(self) -> bool:
        if self._deadline is None:
            return False
        return self._position >= len(self._journal.events) or time.monotonic() > self._deadline

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._deadline is not None and time.monotonic() > self._deadline:
                return
            time.sleep(0.1)

    def _send_new(self) -> None:
        if self._runs is None:
            self._runs = Runs(self._journal, self._uri, self._experiment, self._artifacts)
            self._position = 0 if self._runs.is_new else self._position
        while self._position < len(self._journal.events):
            self._runs.send(self._journal.events[self._position])
            self._position += 1
            self._save_position()
            if self._deadline is not None and time.monotonic() > self._deadline:
                return

    def _save_position(self) -> None:
        state = {
            "uri": self._uri,
            "position": self._position,
            "experiment_id": self.experiment_id,
        }
        write_json(self._state_file, state)
