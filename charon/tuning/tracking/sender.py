"""A thread that sends the journal to MLflow, in order, each event once.

The driver is the only writer. A server that is away does not stop the study: missing events
are sent when it is back, or with the next ``--resume``. ``tracking.json`` beside the journal
holds the position. Where it is behind (the process was killed before writing it), sending again
changes nothing: runs are looked up by their trial, and steps that MLflow has are left out. They
are looked up anew after each failure: the server may have done what it did not answer.
The journal is told what MLflow has once an end is in it.
Where MLflow has nothing of the study, all of it is sent, whatever the position.
"""

import math
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mlflow.exceptions import MlflowException

from charon.files import read_json, write_json
from charon.plain import conform
from charon.text import first_line
from charon.tuning.records.events import LOGGED
from charon.tuning.records.journal import Journal
from charon.tuning.tracking.runs import Runs, is_temporary
from charon.tuning.tracking.store import REFUSALS, SentState, Store, how_to_sign_in

PAUSES_SECONDS = (1.0, 5.0, 15.0, 30.0)
"""Between attempts while the server is away; the last is repeated."""

POLL_SECONDS = 0.1
"""Between looks at the journal and at the clock."""

ENDS = ("end", "study_end")
"""Kinds of events of which the journal is told that they have arrived: one a trial."""


class Sender:
    """Sends a journal to MLflow from a thread.

    While that does not work, ``problem`` is a sentence. ``skipped`` has one for every event that
    MLflow refused for good.
    """

    def __init__(
        self,
        journal: Journal,
        folder: Path,
        store: Store,
        experiment: str,
        pauses: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        """Prepare to send to an experiment, from the position kept in the study's ``folder``."""
        self.problem = ""
        self.skipped: list[str] = []
        self._journal, self._store, self._experiment = journal, store, experiment
        self._pauses = pauses
        self._state_file = folder / "tracking.json"
        self._position = 0
        with suppress(OSError, ValueError):
            state = conform(read_json(self._state_file), SentState)
            self._position = max(0, state["position"]) if state["uri"] == store.uri else 0
        self._runs: Runs | None = None
        self._is_looked_up = False
        self._has_failed = False
        self._has_news = False  # an end was sent, which the journal does not say yet
        self._deadline = math.inf
        self._thread = threading.Thread(target=self._loop, name="mlflow-sender", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def close(self, timeout: float = 20.0) -> bool:
        """Send what is left for up to ``timeout`` seconds; return whether all was sent."""
        self._deadline = time.monotonic() + timeout
        self._thread.join(timeout + 1.0)
        return self._all_sent()

    def _all_sent(self) -> bool:
        return all(event["kind"] == LOGGED for event in self._journal.events[self._position :])

    def missing_lines(self, *, all_sent: bool) -> list[str]:
        """Return lines for the user about MLflow and what it lacks, given what close returned."""
        lines = [self._runs.notice] if self._runs and self._runs.notice else []
        lines += [f"MLflow refused an event: {sentence}" for sentence in self.skipped[:3]]
        if all_sent:
            return lines
        problem = self.problem or "MLflow was too slow"
        lacks = f"MLflow lacks a part of {self._experiment}: {problem}"
        return [lacks, "  it is sent with the next --resume", *lines]

    @property
    def experiment_id(self) -> str:
        """MLflow's number of the experiment; empty until there was contact."""
        return self._runs.experiment_id if self._runs else ""

    def _loop(self) -> None:
        attempt = 0
        while not self._is_late():
            pause = POLL_SECONDS
            try:
                self._send_new()
                attempt, self.problem = 0, ""
                # No one else appends once the end is asked for.
                if self._deadline < math.inf and self._all_sent():
                    return
            except Exception as error:
                reason = first_line(error)[:300]
                if self._is_looked_up and not is_temporary(error):
                    self.skipped.append(reason)
                    self._position += 1
                    continue
                if _is_refusal(error):
                    reason = f"{how_to_sign_in()} ({reason})"
                self.problem = f"MLflow at {self._store.uri} does not take events: {reason}"
                pause = self._pauses[min(attempt, len(self._pauses) - 1)]
                attempt += 1
                self._is_looked_up, self._has_failed = False, True
            end = time.monotonic() + pause
            while time.monotonic() < end and not self._is_late():
                time.sleep(POLL_SECONDS)

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _send_new(self) -> None:
        runs = self._runs = self._runs or Runs(self._journal, self._store, self._experiment)
        if not self._is_looked_up:
            self._look_up(runs)
        while self._position < len(self._journal.events) and not self._is_late():
            event = self._journal.events[self._position]
            if event["kind"] == "study_end" and self._has_failed:
                self._look_up(runs)  # a late server may have done something twice
                self._has_failed = False
            runs.send(event)
            self._position += 1
            self._has_news |= event["kind"] in ENDS
            state = {"uri": self._store.uri, "position": self._position}
            write_json(self._state_file, {**state, "experiment_id": self.experiment_id})
        if self._has_news:
            self._journal.append(LOGGED, position=self._position, uri=self._store.uri)
            self._has_news = False

    def _look_up(self, runs: Runs) -> None:
        self._is_looked_up = False
        runs.look_up()
        self._is_looked_up = True
        self._position = 0 if runs.is_new else self._position


def _is_refusal(error: Exception) -> bool:
    """Whether a server wants to know who asks, or does not let them in."""
    return isinstance(error, MlflowException) and error.get_http_status_code() in REFUSALS
