"""An ordered map over worker processes with bounded memory.

A worker is a plain new interpreter that imports this package and nothing else. The standard
library's pools either fork, which is unsafe once torch or Ray have started threads, or import
the caller's main script again in every worker, which for a study means seconds of importing
Ray, Optuna and MLflow, and fails in a script without a main guard.
"""

import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from queue import SimpleQueue
from typing import Any, TypeVar

from charon.errors import CharonError

Item = TypeVar("Item")
Result = TypeVar("Result")
Worker = subprocess.Popen[bytes]

_ENVIRONMENT = {
    # Without these, glibc returns large blocks at once, and the kernel clears every page again.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
    "OMP_NUM_THREADS": "1",  # there is a process for every core
}


def map_in_order(
    function: Callable[[Item], Result], items: Sequence[Item], *, workers: int, chunk: int = 16
) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in the order of the items.

    Function and items can be pickled, and are not defined in a main script. With one worker, or
    if all items fit into a chunk, the function runs in this process. Workers are sent a chunk of
    items at once; at most ``2 * workers`` chunks of results are held.

    Raises:
        CharonError: a worker process was ended from outside.
        RuntimeError: ``function`` raised in a worker; the message has its traceback.
    """
    chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    if workers == 1 or len(chunks) <= 1:
        yield from map(function, items)
        return
    workers = min(workers, len(chunks))
    processes: list[Worker] = []
    threads = ThreadPoolExecutor(workers)
    try:
        idle: SimpleQueue[Worker] = SimpleQueue()
        for _ in range(workers):
            process = start_worker()
            processes.append(process)
            with suppress(BrokenPipeError):  # its end is noticed when it is asked
                _send(process, function)
            idle.put(process)
        asked = ((idle, batch) for batch in chunks)
        yield from chain.from_iterable(call_in_order(threads, _ask, asked, ahead=2 * workers))
    finally:
        # Whoever still waits for a worker is woken by its end.
        for process in processes:
            process.kill()
        threads.shutdown(cancel_futures=True)
        for process in processes:
            with suppress(BrokenPipeError), process:
                pass


def call_in_order(
    pool: Executor, function: Callable[..., Result], calls: Iterable[tuple[Any, ...]], *, ahead: int
) -> Iterator[Result]:
    """Yield a function's results for these arguments in order, at most ``ahead`` of them ahead."""
    waiting: deque[Future[Result]] = deque()
    for arguments in calls:
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
        waiting.append(pool.submit(function, *arguments))
    while waiting:
        yield waiting.popleft().result()


def serve() -> None:
    """Run as a worker: read a function and then chunks from stdin, write results to stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is interrupted and ends us
    requests = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as answers, suppress(EOFError, BrokenPipeError):
        os.dup2(2, 1)  # whatever prints must not get between the answers
        function = pickle.load(requests)
        while True:
            batch = pickle.load(requests)
            try:
                answer: tuple[Any, str] = (list(map(function, batch)), "")
            except Exception:
                # The traceback travels as text: not every error can be pickled.
                answer = (None, traceback.format_exc())
            pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()


def start_worker() -> Worker:
    """Start a process that serves a function."""
    # The same package is found wherever this process found it.
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)  # noqa: PTH109
    return subprocess.Popen(
        [sys.executable, "-P", "-c", "from charon.data.parallel import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": paths},
    )


def _send(process: Worker, what: object) -> None:
    assert process.stdin is not None
    pickle.dump(what, process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
    process.stdin.flush()


def _ask(idle: "SimpleQueue[Worker]", batch: Sequence[Any]) -> Any:
    """Return an idle worker's results for a chunk."""
    process = idle.get()
    try:
        _send(process, batch)
        assert process.stdout is not None
        results, error = pickle.load(process.stdout)
    except (EOFError, BrokenPipeError, pickle.UnpicklingError):
        raise CharonError(
            f"A worker process ended unexpectedly (status {process.wait()}), perhaps for lack of "
            "memory; use fewer workers."
        ) from None
    finally:
        idle.put(process)
    if error:
        raise RuntimeError(f"A worker process failed:\n{error}")
    return results
