import os
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import islice

import pytest

from charon.data import parallel
from charon.data.parallel import map_in_order
from charon.errors import CharonError

# A worker is a new interpreter: it knows modules, not what a test file defines.
repeated = partial(bytes.__mul__, b"x")


@pytest.fixture
def started(monkeypatch):
    """The worker processes that are started during a test."""
    processes = []
    start = parallel.start_worker

    def start_and_remember():
        processes.append(start())
        return processes[-1]

    monkeypatch.setattr(parallel, "start_worker", start_and_remember)
    return processes


def num_running(processes):
    return sum(process.poll() is None for process in processes)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("num_items", [0, 1, 5, 40])
def test_results_come_in_the_order_of_the_items(workers, num_items, started):
    # Large results: more than a pipe holds.
    items = [(num_items - i) * 5000 for i in range(num_items)]
    assert list(map_in_order(repeated, items, workers=workers, chunk=3)) == list(
        map(repeated, items)
    )
    assert num_running(started) == 0


def test_items_may_be_larger_than_a_pipe_holds():
    items = [bytes(200_000)] * 12
    assert list(map_in_order(len, items, workers=2, chunk=2)) == [200_000] * 12


def test_no_more_than_two_chunks_a_worker_are_taken_ahead(tmp_path):
    # Every call leaves a folder: how far the workers have come is seen from outside.
    items = [str(tmp_path / f"{i:03d}") for i in range(100)]
    results = map_in_order(os.mkdir, items, workers=2, chunk=4)
    next(results)
    time.sleep(0.5)
    assert len(list(tmp_path.iterdir())) <= 2 * 2 * 4
    results.close()


def test_what_a_worker_prints_does_not_get_between_the_results(capfd):
    assert list(map_in_order(print, ["a"] * 8, workers=2, chunk=2)) == [None] * 8
    assert capfd.readouterr().err.count("a") == 8


def test_an_error_in_a_worker_is_raised_with_its_traceback(started):
    with pytest.raises(RuntimeError, match=r"(?s)A worker process failed:.*ValueError: invalid"):
        list(map_in_order(int, ["1", "2", "x", "4"], workers=2, chunk=1))
    assert num_running(started) == 0


def test_a_worker_that_is_killed_is_reported_and_the_others_are_ended(started):
    with pytest.raises(CharonError, match=r"ended unexpectedly \(status -9\).*use fewer workers"):
        list(map_in_order(signal.raise_signal, [signal.SIGKILL] * 4, workers=2, chunk=1))
    assert num_running(started) == 0


def test_a_caller_that_stops_early_leaves_no_process_behind(started):
    results = map_in_order(repeated, [10] * 1000, workers=2, chunk=2)
    assert len(list(islice(results, 3))) == 3
    assert num_running(started) == 2
    results.close()
    assert num_running(started) == 0


def test_workers_do_not_run_the_callers_script_again(tmp_path):
    # No main guard, and the package is found although the script lies elsewhere.
    script = tmp_path / "study.py"
    script.write_text(
        "print('once')\n"
        "from charon.data.parallel import map_in_order\n"
        "print(sum(map_in_order(len, ['ab'] * 10, workers=2, chunk=2)))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=tmp_path,
    )
    assert done.stdout == "once\n20\n"
