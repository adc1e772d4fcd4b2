"""A process is ended if it is what it is said to be, even where it is stopped."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from charon.tuning.cluster.processes import kill
from charon.tuning.records.heartbeat import Process


@pytest.fixture
def sleeper():
    code = "import time; print(flush=True); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code, "some trial"], stdout=subprocess.PIPE)
    process.stdout.readline()  # for a moment a process that begins has no name
    yield process
    process.stdout.close()
    process.kill()
    process.wait()


def test_a_stopped_process_is_killed(sleeper):
    os.kill(sleeper.pid, signal.SIGSTOP)
    kill(Process("here", sleeper.pid, "some trial"))
    assert sleeper.wait(10) == -signal.SIGKILL


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc")
def test_a_process_that_is_another_by_now_is_left_alone(sleeper):
    kill(Process("here", sleeper.pid, "another trial"))
    assert sleeper.poll() is None
    kill(Process("here", 2**22 + 1, "nobody"))
