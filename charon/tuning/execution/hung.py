"""Trials that hang: they are ended, and Ray starts them again from their last task."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from charon.files import write_text
from charon.tuning.cluster.processes import end_process
from charon.tuning.execution.trainable import beat_file, process_file, trouble_file
from charon.tuning.records.heartbeat import Listener, Process, read_process
from charon.tuning.records.journal import Journal


class HungTrials:
    """Ends the process of a running trial that gives no sign of life for too long."""

    def __init__(
        self,
        journal: Journal,
        folder: Path,
        minutes: float,
        end: Callable[[Process], None] = end_process,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Listen to the trials of ``journal``, whose signs of life lie in the study's folder."""
        self._journal, self._folder, self._minutes, self._end = journal, folder, minutes, end
        self._clock, self._looked = clock, clock()
        self._listener = Listener(60 * minutes, clock)
        self._running: set[str] = set()
        self._starts: Counter[str] = Counter()

    def started(self, trial: str) -> None:
        """Listen to a trial from now on."""
        self._running.add(trial)
        self._starts[trial] += 1

    def stopped(self, trial: str) -> None:
        """Listen no more: the trial is over, or waits until Ray has a process for it again."""
        self._running.discard(trial)

    def look(self) -> None:
        """End what hangs; does nothing if it was called less than a few seconds ago.

        Raises:
            OSError: the results cannot be written.
        """
        now = self._clock()
        if now - self._looked < min(5.0, 6 * self._minutes):
            return
        self._looked = now
        signs = {trial: self._sign(trial) for trial in self._running}
        for trial in self._listener.silent(signs):
            process = read_process(process_file(self._folder, trial))
            if process is None:
                continue  # it has not begun, and cannot be found
            minutes = f"{self._minutes:g} minutes"
            reason = f"it gave no sign of life for {minutes} (--hung-after) and was ended"
            with suppress(OSError):
                write_text(trouble_file(self._folder, trial), reason)
            self._journal.append("hung", trial, seconds=60 * self._minutes)
            self._end(process)

    def _sign(self, trial: str) -> object:
        """Return what changes when a trial starts, reports or beats."""
        times = []
        for file in (process_file, beat_file):
            with suppress(OSError):
                times.append(file(self._folder, trial).stat().st_mtime_ns)
        return self._starts[trial], self._journal.trials[trial].tasks_seen, times
