"""Ray on its way while the study is being read, and down again whatever happens."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from tuning.study_runs import ROOT

from charon.tuning.cluster import startup as starting
from charon.tuning.cluster.cluster import Cluster, ClusterError, Machine

LEFT_RUNNING = """
from pathlib import Path
from charon.tuning.cluster import startup as starting

starting._connect = lambda *arguments: print("up", flush=True)
starting._disconnect = lambda: print("down", flush=True)
one = starting.Starting(None, Path("driver.log"))
print("the last word", flush=True)
"""

ASKED_TO_END = """
import time
from pathlib import Path
from charon.tuning.cluster import cluster
from charon.tuning.cluster import startup as starting
from charon.tuning.main import heed_requests_to_end

cluster.prepare_environment()
heed_requests_to_end()
cluster.log_to(Path("driver.log"))
starting.Starting(None, Path("driver.log")).wait()
print("up", flush=True)
try:
    time.sleep(60)  # as the imports that follow
except KeyboardInterrupt:
    print("asked to end", flush=True)
"""


@pytest.fixture
def calls(monkeypatch):
    """What was called, and in which thread, with nothing started."""
    made = []

    def connect(address, temporary, log_file):
        made.append(("up", threading.current_thread(), temporary))
        if address == "nowhere":
            raise ClusterError("Ray does not answer at nowhere.")
        return Cluster("", (Machine(2, 0),))

    monkeypatch.setattr(starting, "_connect", connect)
    monkeypatch.setattr(
        starting, "_disconnect", lambda: made.append(("down", threading.current_thread()))
    )
    return made


def test_ray_ends_in_the_thread_that_started_it_and_its_folder_goes(calls, tmp_path):
    cluster = starting.Starting(None, tmp_path / "driver.log").wait()
    (_, thread, temporary) = calls[0]
    assert cluster.cpus == 2
    assert thread is not threading.current_thread()
    assert thread.is_alive()
    assert temporary.is_dir()
    cluster.stop()
    cluster.stop()
    assert calls[1:] == [("down", thread)]
    assert not thread.is_alive()
    assert not temporary.exists()


def test_machines_that_are_gone_do_not_count():
    nodes = [
        {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0, "memory": 1e9}},
        {"Alive": True, "Resources": {"memory": 1e9}},
        {"Alive": False, "Resources": {}},
    ]
    assert starting.machines_of(nodes) == (Machine(4.0, 1.0), Machine(0.0, 0.0))


def test_what_goes_wrong_is_said_to_who_waits(calls, tmp_path):
    begun = starting.Starting("nowhere", tmp_path / "driver.log")
    with pytest.raises(ClusterError, match="at nowhere"):
        begun.wait()
    begun.stop()
    assert [name for name, *_ in calls] == ["up"]


def test_a_study_that_is_refused_says_so_before_ray_is_down_again():
    """Nothing waits for Ray here: the end of the program stops it."""
    command = [sys.executable, "-c", LEFT_RUNNING]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    assert sorted(out[:2]) == ["the last word", "up"]
    assert out[2:] == ["down", ""]


def test_a_study_that_is_asked_to_end_once_ray_is_up_is_no_crash(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", ASKED_TO_END],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60) == ("asked to end\n", "")
    assert process.returncode == 0


@pytest.mark.parametrize(("cpus", "number"), [(2, 1), (8, 1), (64, 0), (None, 1)])
def test_on_a_large_machine_processes_import_only_what_a_trial_of_theirs_needs(
    cpus, number, monkeypatch
):
    monkeypatch.setattr(starting.os, "cpu_count", lambda: cpus)
    assert len(starting._ready_modules()) == number
