"""What is gone for good ends a study; what comes back does not."""

import gc
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray
from faults.history import broken
from tuning.study_runs import finish, read_table, start, wait_for, write_clips

from charon.tuning.cluster import watch
from charon.tuning.cluster.watch import ClusterGone, Watch, look_at_ray

MANY = 400
"""Epochs, so that trials are left to learn when Ray notices, half a minute after the kill."""


@pytest.fixture(autouse=True)
def collecting(monkeypatch):
    """Look often, and collect garbage again after a test in which Ray is gone."""
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.01)
    yield
    gc.enable()


class Exits(list):
    """Remembers how often, and with which status, the process would have ended."""

    def __init__(self):
        super().__init__()
        self.happened = threading.Event()

    def exit(self, status):
        self.append(status)
        self.happened.set()


def test_what_comes_back_in_time_does_not_end_a_study():
    answers = iter([("Gone.", 60.0)] * 5)
    seen = threading.Event()

    def look(cpus, gpus):
        answer = next(answers, None)
        if answer is None:
            seen.set()
        return answer

    watched = Watch(look, "Go on.")
    assert seen.wait(10)
    watched.check()
    watched.stop()
    assert watched.problem == ""


def test_what_is_gone_for_good_is_said_and_a_study_that_does_not_end_is_ended(capsys):
    exits, sizes = Exits(), []

    def look(cpus, gpus):
        sizes.append((cpus, gpus))
        return "Ray is gone.", 0.0

    watched = Watch(look, "Go on with: x", ending=0.01, exit=exits.exit)
    assert exits.happened.wait(10)
    assert exits == [130]
    assert capsys.readouterr().err == "Ray is gone. Go on with: x\n"
    with pytest.raises(ClusterGone, match="Ray is gone"):
        watched.check()
    assert not gc.isenabled()
    assert sizes == [(0.0, 0.0)]


HERE = {"NodeID": "here", "Alive": True, "Resources": {"CPU": 2.0}}
THERE = {"NodeID": "there", "Alive": True, "Resources": {"CPU": 8.0, "GPU": 1.0}}


@pytest.mark.parametrize(
    ("nodes", "trial", "problem"),
    [
        ([HERE, THERE], (1, 1), None),
        ([{**HERE, "Alive": False}, THERE], (1, 0), "The Ray node on which the study runs is gone"),
        ([HERE, {**THERE, "Alive": False}], (1, 1), "The last Ray node that had room for a trial"),
        ([HERE, {**THERE, "Alive": False}], (2, 0), None),
    ],
)
def test_a_study_needs_its_own_node_and_one_that_has_room_for_a_trial(
    monkeypatch, nodes, trial, problem
):
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        context = SimpleNamespace(gcs_address=address, get_node_id=lambda: "here")
        monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
        monkeypatch.setattr(ray, "nodes", lambda: nodes)
        look = look_at_ray()
        said = look(*trial)
    assert (said is None) == (problem is None)
    assert problem is None or said[0].startswith(problem)
    assert look(*trial)[0].startswith(f"Ray's head at {address} is gone")


def child(process, program):
    """Return the number of a process that this study itself has started."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            name = Path((folder / "cmdline").read_text().split("\0")[0]).name
        except OSError:
            continue
        if (int(parent), name) == (process.pid, program):
            return int(folder.name)
    return pytest.fail(f"the study has no {program}")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("raylet", "The Ray node on which the study runs is gone."),
        ("gcs_server", "Ray's head at "),
    ],
)
def test_a_study_whose_ray_was_killed_ends_as_interrupted_and_goes_on(tmp_path, program, sentence):
    clips = write_clips(tmp_path / "tiny.npz")
    # One trial at a time, so that some are left however long Ray takes to notice.
    alone = ["--cpus-per-trial", str(len(os.sched_getaffinity(0)))]
    process = start(clips, tmp_path, *alone, epochs=MANY)
    wait_for(process, "task 1/3")
    os.kill(child(process, program), signal.SIGKILL)
    out = finish(process, 130)
    assert sentence in out
    last = out.strip().splitlines()[-1]
    assert last.startswith("The study was interrupted; go on with: python ")
    assert {row["status"] for row in read_table(tmp_path, "trials.csv")} <= {
        "interrupted",
        "pending",
        "finished",
    }
    assert broken(tmp_path) == []
    finish(start(clips, tmp_path, "--resume", epochs=MANY))
    assert {row["status"] for row in read_table(tmp_path, "trials.csv")} == {"finished"}
    assert broken(tmp_path) == []
