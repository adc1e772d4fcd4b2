"""The prepared data of a study, which its trials memory-map."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from charon.config import Run
from charon.data.cache.archive import Archive
from charon.data.prepare import open_source, prepare
from charon.settings import Value
from charon.training.tasks import Tasks

LINE_EVERY_SECONDS = 5.0
"""Between lines of progress without a terminal."""


class StudyData:
    """The prepared set of a study, and its tasks.

    Attributes:
        archive: the prepared set.
        tasks: its clips as the study's runs see them, under the first of its benchmarks.
        protocol: the rules of train and test, of all its benchmarks.
    """

    archive: Archive
    tasks: Tasks
    protocol: str

    def __init__(self, runs: Sequence[Mapping[str, Value]], cache: Path, console: Console) -> None:
        """Take the fields of a run of each benchmark; nothing is read yet."""
        self._runs = [Run.from_flat(fields) for fields in runs]
        self._cache = cache
        self._console = console

    def check(self) -> None:
        """Check the source without reading its clips.

        Raises:
            DataError: the source is missing, or of a kind or shape that cannot be used.
        """
        data = self._runs[0].data
        _ = open_source(data.path, keep_gaps=data.keep_gaps).description

    @property
    def class_order(self) -> str:
        """The name of the class order, with ``auto`` resolved."""
        name = self._runs[0].data.class_order
        if name != "auto":
            return name
        return "paper" if self.archive.description.is_ntu else "natural"

    def prepare(self) -> None:
        """Prepare the set, or open it in the cache, and cut it into tasks.

        Raises:
            DataError: the data cannot be used.
            ConfigError: the runs do not fit the data.
        """
        data, seed = self._runs[0].data, self._runs[0].seed
        with preparation_view(data.path, self._console) as show:
            self.archive = prepare(
                data.path, self._cache, keep_gaps=data.keep_gaps, on_progress=show
            )
        for name, reason in self.archive.unreadable[:5]:
            self._console.print(f"Skipped {name}: {reason}", markup=False)
        if len(self.archive.unreadable) > 5:
            self._console.print(f"… and {len(self.archive.unreadable) - 5} more clips skipped.")
        tasks = [Tasks(self.archive, run.data, seed) for run in self._runs]
        self.tasks = tasks[0]
        self.protocol = " + ".join(dict.fromkeys(t.protocol for t in tasks))


@contextmanager
def preparation_view(path: str, console: Console) -> Iterator[Callable[[int, int], None]]:
    """Yield what shows that ``done`` of ``total`` clips are read: nothing for a cached set.

    On a terminal it is a bar, elsewhere a line every few seconds.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    bar = Progress(*columns, TimeRemainingColumn(), console=console)
    task = bar.add_task(f"Preparing {path}")
    said = 0.0

    def show(done: int, total: int) -> None:
        nonlocal said
        if console.is_terminal:
            bar.start()
            bar.update(task, completed=done, total=total)
        elif done == total or time.monotonic() - said > LINE_EVERY_SECONDS:
            said = time.monotonic()
            console.print(f"Preparing {path}: {done}/{total} clips", markup=False)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
