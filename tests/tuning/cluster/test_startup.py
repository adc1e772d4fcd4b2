"""Ray on its way while the study is being read, and down again whatever happens."""

import gc
import inspect
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import ray
from ray._private import worker
from ray._private.node import Node
from tuning.study_runs import ROOT

from charon.tuning.cluster.cluster import ENVIRONMENT, Cluster, ClusterError, Machine
from charon.tuning.cluster.startup import (
    Starting,
    _keep_private,
    _patiently,
    connect_to_ray,
    machines_of,
)

LEFT_RUNNING = """
import os
from pathlib import Path
from charon.tuning.cluster.cluster import Cluster
from charon.tuning.cluster.startup import Starting

Starting(
    None,
    Path("driver.log"),
    connect=lambda *arguments: os.write(1, b"up\\n") and Cluster("", ()),
    disconnect=lambda: os.write(1, b"down\\n"),
)
os.write(1, b"the last word\\n")
"""

ASKED_TO_END = """
import time
from pathlib import Path
from charon.tuning.cluster import cluster
from charon.tuning.cluster.startup import Starting
from charon.tuning.main import interrupt_on_sigterm

cluster.prepare_environment()
interrupt_on_sigterm()
cluster.log_to(Path("driver.log"))
Starting(None, Path("driver.log")).wait()
try:
    print("up", flush=True)
    time.sleep(60)  # as the imports that follow
except KeyboardInterrupt:
    print("asked to end", flush=True)
"""


class Calls(list):
    """Connects to nothing; remembers what was called, and in which thread."""

    def connect(self, address, temporary, log_file, last_words):
        self.append(("up", threading.current_thread(), temporary))
        if address == "nowhere":
            raise ClusterError("Ray does not answer at nowhere.")
        return Cluster("", (Machine(2, 0),))

    def disconnect(self):
        self.append(("down", threading.current_thread()))

    def start(self, address, folder):
        return Starting(address, folder / "driver.log", "", self.connect, self.disconnect)


@pytest.fixture(autouse=True)
def unfrozen():
    """Let the garbage of the other tests be collected again."""
    yield
    gc.unfreeze()


def test_ray_ends_in_the_thread_that_started_it_and_its_folder_goes(tmp_path):
    calls = Calls()
    cluster = calls.start(None, tmp_path).wait()
    (_, thread, temporary) = calls[0]
    assert cluster.machines == (Machine(2, 0),)
    assert thread is not threading.current_thread()
    assert thread.is_alive()
    assert temporary.is_dir()
    cluster.stop()
    cluster.stop()
    assert calls[1:] == [("down", thread)]
    assert not thread.is_alive()
    assert not temporary.exists()


def test_what_was_imported_when_ray_is_up_is_not_searched_for_garbage_again(tmp_path):
    before = gc.get_freeze_count()
    starting = Calls().start(None, tmp_path)
    starting.wait()
    starting.stop()
    assert gc.get_freeze_count() > before


def test_ray_documents_the_argument_for_its_temporary_folder():
    """Its name begins with an underscore; should it go, the study must find another."""
    assert "``_temp_dir`` (root temp directory" in ray.init.__doc__


def test_ray_still_has_the_private_call_that_ends_its_monitor():
    """It is made only where it is there to be made: without it every study ends a second later."""
    assert worker._global_node is None
    assert "check_alive" in inspect.signature(Node.kill_monitor).parameters


def test_machines_that_are_gone_do_not_count():
    nodes = [
        {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0, "memory": 1e9}},
        {"Alive": True, "Resources": {"memory": 1e9}},
        {"Alive": False, "Resources": {}},
    ]
    assert machines_of(nodes) == (Machine(4.0, 1.0), Machine(0.0, 0.0))


def test_what_goes_wrong_is_raised_where_it_is_waited_for(tmp_path):
    calls = Calls()
    starting = calls.start("nowhere", tmp_path)
    with pytest.raises(ClusterError, match="at nowhere"):
        starting.wait()
    starting.stop()
    assert [name for name, *_ in calls] == ["up"]


@pytest.mark.parametrize("address", ["nowhere", "host:port", "127.0.0.1:9"])
def test_an_address_where_nothing_answers_is_refused_at_once(address, tmp_path):
    with pytest.raises(ClusterError, match=f"--address.*{address}"):
        connect_to_ray(address, None, tmp_path / "driver.log", "")


@pytest.mark.parametrize(("slow", "calls"), [(1, 2), (2, 2)])
def test_ray_that_is_slow_to_start_is_started_once_more(slow, calls):
    tried = []

    def init():
        tried.append(1)
        if len(tried) <= slow:
            raise Exception("The current node timed out during startup.")  # as Ray does
        return "up"

    if slow < calls:
        assert _patiently(init) == "up"
    else:
        with pytest.raises(Exception, match="timed out"):
            _patiently(init)
    assert len(tried) == calls


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


@pytest.mark.parametrize(("name", "is_short"), [("a", True), ("a" * 60, False)])
def test_rays_sockets_have_a_short_path_whatever_the_folder_of_temporary_files(
    tmp_path, monkeypatch, name, is_short
):
    folder = Path(tempfile.mkdtemp(prefix=name, dir="/tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    calls = Calls()
    calls.start(None, tmp_path).wait().stop()
    made = calls[0][2]
    folder.rmdir()
    assert made.parent == (folder if is_short else Path("/tmp"))


def test_a_folder_of_temporary_files_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", "/proc/self")
    starting = Calls().start(None, tmp_path)
    with pytest.raises(ClusterError, match=r"^Ray's temporary files cannot be .* set TMPDIR to"):
        starting.wait()


def test_nobody_else_reads_rays_token(tmp_path):
    _keep_private(tmp_path / "none")
    token = tmp_path / "auth_token"
    token.touch(0o644)
    _keep_private(token)
    assert token.stat().st_mode & 0o777 == 0o600


def test_ray_asks_for_a_token_where_it_is_not_told_otherwise(monkeypatch):
    """Should it no longer do so by itself, a study must ask for it."""
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    assert "RAY_AUTH_MODE" not in ENVIRONMENT
    assert "enable_token_auth_by_default()" in inspect.getsource(worker.init.__wrapped__)
