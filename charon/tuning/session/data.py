"""The prepared data of a study, which its trials memory-map."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from charon.config import Run
from charon.data.cache.archive import Archive
from charon.data.prepare import prepare
from charon.settings import Value
from charon.training.tasks import Tasks


@dataclass(frozen=True)
class StudyData:
    """The prepared set of a study, and its tasks.

    Attributes:
        archive: the prepared set.
        tasks: its clips as the first of the study's runs sees them.
        protocol: the rules of train and test, of all its benchmarks.
        class_order: its name, with ``auto`` resolved, or all classes in their order.
    """

    archive: Archive
    tasks: Tasks
    protocol: str
    class_order: str


def prepare_runs(fields: Sequence[Mapping[str, Value]], cache: Path, console: Console) -> StudyData:
    """Prepare the set of a study, or open it in the cache, and cut it into tasks.

    The fields are those of a run under each of the study's protocols and streams.

    Raises:
        DataError: the source is missing, or of a kind or shape that cannot be used.
        ConfigError: the runs do not fit the data.
    """
    runs = [Run.from_flat(of_run) for of_run in fields]
    data = runs[0].data
    with preparation_view(data.path, console) as show:
        archive = prepare(data.path, cache, reading=data.reading, on_progress=show)
    for note in archive.notes:
        console.print(f"{data.path}: {note}.", markup=False)
    for name, reason in archive.unreadable[:5]:
        console.print(f"Skipped {name}: {reason}", markup=False)
    if len(archive.unreadable) > 5:
        console.print(f"… and {len(archive.unreadable) - 5} more clips skipped.")
    tasks = [Tasks(archive, run.data, runs[0].seed) for run in runs]
    order = data.class_order
    if order == "auto":
        order = "paper" if archive.description.is_ntu else "natural"
    protocols = dict.fromkeys(each.protocol for each in tasks)
    named = order if isinstance(order, str) else ",".join(map(str, order))
    return StudyData(archive, tasks[0], " + ".join(protocols), named)


@contextmanager
def preparation_view(path: str, console: Console) -> Iterator[Callable[[int, int], None]]:
    """Yield what shows that ``done`` of ``total`` clips are read: nothing for a cached set.

    On a terminal it is a bar, elsewhere a line every five seconds.
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
        elif done == total or time.monotonic() - said > 5:
            said = time.monotonic()
            console.print(f"Preparing {path}: {done}/{total} clips", markup=False)

    try:
        yield show
    finally:
        if bar.live.is_started:
            bar.stop()
