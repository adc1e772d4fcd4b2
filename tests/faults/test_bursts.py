"""A few of the kills of bursts.py, which says how to have many; and what it is made of."""

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from functools import reduce
from importlib import import_module

import pytest
from faults import bursts
from faults.bursts import OF_A_CLUSTER, OUTSIDE, bursts_of, draw, has_struck, kind_of
from faults.moments.sitecustomize import MOMENTS, Moment
from faults.sweep import ROOT
from tuning.conftest import THIRD_PARTY_WARNINGS

from charon.tuning.records.journal import Journal

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc"),
    *(pytest.mark.filterwarnings(warning) for warning in THIRD_PARTY_WARNINGS),
]


def test_every_kind_is_drawn_as_often_as_any_other_and_by_the_seed_alone():
    faults = draw(100, 0, [])
    counts = Counter(fault.kind for fault in faults)
    assert len(counts) == len(MOMENTS) + 2 + len(OUTSIDE) + len(OF_A_CLUSTER)
    assert max(counts.values()) - min(counts.values()) <= 1
    assert faults == draw(100, 0, []) != draw(100, 1, [])
    assert {fault.how for fault in faults if fault.kind.endswith("stopped")} == {"SIGSTOP"}
    assert {fault.moment for fault in faults} == {"", *MOMENTS}


def test_a_study_has_four_faults_that_go_together():
    studies = bursts_of(draw(100, 0, []))
    assert sum(len(faults) for *_, faults in studies) == 100
    assert max(len(faults) for *_, faults in studies) == 4
    for mode, on_cluster, faults in studies:
        assert {fault.kind in OF_A_CLUSTER for fault in faults} == {on_cluster}
        assert {fault.moment in bursts.SEARCH_ONLY for fault in faults} == {mode == "search"}


@pytest.mark.parametrize("name", MOMENTS)
def test_every_moment_is_there(name):
    module, path, _ = MOMENTS[name]
    assert callable(reduce(getattr, path.split("."), import_module(module)))


@pytest.mark.parametrize(("when", "calls"), [("before", 1), ("after", 2)])
def test_a_moment_strikes_at_its_call_and_only_one_process_does(tmp_path, when, calls):
    done = []
    log = tmp_path / "log"
    for process in range(2):
        moment = Moment(when, 2, "SIGCONT", log)  # which does nothing to a process that runs
        called = moment.around(lambda: done.append(log.exists()))
        for _ in range(3):
            called()
        assert log.read_text() == f"{os.getpid()}\n"
        assert done[: 3 if process == 0 else None].count(False) == calls
    assert len(done) == 6


def test_a_moment_is_put_into_a_module_that_is_imported_later(tmp_path):
    environment = {**os.environ, "FAULT_MOMENT": "half a line of the journal"}
    environment |= {"FAULT_NUMBER": "2", "FAULT_SIGNAL": "SIGKILL"}
    environment["FAULT_LOG"] = str(tmp_path / "log")
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests/faults/moments"), str(ROOT)])
    program = (
        "import sys, pathlib; from charon.tuning.records.journal import Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]))\n"
        "while True: journal.append('time_up')"
    )
    path = tmp_path / "journal.jsonl"
    done = subprocess.run([sys.executable, "-c", program, str(path)], env=environment)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "log").exists()
    assert len(path.read_bytes().splitlines()) == 2
    assert len(Journal(path).events) == 1


@pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])
def test_a_fault_that_has_struck_is_told_from_one_that_has_not(how):
    process = subprocess.Popen(["sleep", "600"])
    try:
        assert not has_struck(process.pid, how, seconds=0.2)
        process.send_signal(getattr(signal, how))
        assert has_struck(process.pid, how)
    finally:
        process.kill()
        process.wait()


def test_problems_are_lost_doubled_or_different():
    said = ["tiny: MLflow lacks x", "/trials/a is new", "MLflow has t1 twice", "/a is 1, not 2"]
    assert [kind_of(one) for one in said] == ["lost", "doubled", "doubled", "different"]


@pytest.mark.slow
def test_a_study_survives_three_kills():
    kinds = ["in a checkpoint's rename", "the driver and a trial", "a trial, stopped"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/faults/bursts.py"), "--faults", "3", "--kind", *kinds],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = done.stdout.strip().splitlines()[-2]
    numbers = [int(number) for number in re.findall(r"\d+", summary)]
    assert numbers == [3, 3, 3, 0, 0, 0], done.stdout
