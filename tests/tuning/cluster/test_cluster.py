"""The place of trials on machines, and studies on a cluster of several simulated ones."""

import json
import time

import pytest
from ray import cluster_utils
from tiny_runs import untimed
from tuning.study_runs import LONG, ROOT, finish, read_table, start, wait_for, write_clips

from charon.tuning.cluster.cluster import Cluster, ClusterError, Machine, place
from charon.tuning.execution.trainable import beat_file
from charon.tuning.records.heartbeat import read_beat
from charon.tuning.records.journal import Journal
from charon.tuning.study.first_tasks import first_tasks_folder

NOTICE_SOON = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 2,
}
"""Ray's settings under which a machine that is gone is noticed in seconds, not in a minute."""


CPUS_ALONE, WITH_GPUS = Cluster("", (Machine(4, 0),)), Cluster("", (Machine(16, 2),))
MIXED = Cluster("", (Machine(0, 0), Machine(4, 2), Machine(16, 0)))


@pytest.fixture
def start_cluster(monkeypatch):
    """Return a function that starts a cluster of machines with these resources."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    started = []

    def start_machines(*machines):
        cluster = cluster_utils.Cluster()
        started.append(cluster)
        for number, resources in enumerate(machines):
            first = {"_system_config": NOTICE_SOON, "include_dashboard": False}
            first["dashboard_port"] = None  # any: another Ray may have the usual one
            cluster.add_node(**resources, **({} if number else first))
        return cluster

    yield start_machines
    for cluster in started:
        cluster.shutdown()


def most_at_once(folder):
    """Return how many trials ran at the same time, and whether all were finished."""
    journal = Journal(folder / "tiny" / "journal.jsonl")
    running, most = set(), 0
    for event in journal.events:
        if event["kind"] == "start":
            running.add(event["trial"])
            most = max(most, len(running))
        elif event["kind"] == "end":
            running.remove(event["trial"])
    return most, {record.status for record in journal.trials.values()} == {"finished"}


def curves_of(folder):
    """Return what every trial reported after every task, but for the clock and Ray's trial ids."""
    rows = [untimed(row) for row in read_table(folder, "curves.csv")]
    return sorted(tuple((k, v) for k, v in row.items() if k != "trial_id") for row in rows)


def first_task_after(moment, folder):
    """Return the task in which the trial that has started twice is first seen after a moment."""
    # Not by Journal, which cuts off an unfinished last line: the study is still writing.
    lines = (folder / "tiny" / "journal.jsonl").read_text().split("\n")[:-1]
    starts = [event["trial"] for event in map(json.loads, lines) if event["kind"] == "start"]
    again = next(trial for trial in starts if starts.count(trial) == 2)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        beat = read_beat(beat_file(str(folder / "tiny"), again))
        if beat is not None and beat.time > moment:
            return beat.task
        time.sleep(0.2)
    return pytest.fail("the trial that was lost does not go on")


@pytest.mark.parametrize(
    ("machines", "trial", "number"),
    [
        ([(4, 0)], (1, 0), 4),
        ([(8, 2)], (1, 1), 2),
        ([(8, 2)], (1, 0.5), 4),
        ([(8, 2)], (1, 0.3333), 6),
        ([(8, 2)], (1, 0.4), 4),  # not 5: no trial takes parts of two GPUs
        ([(3, 2)], (1, 0.5), 3),
        ([(8, 4)], (1, 2), 2),
        ([(4, 0), (4, 0), (4, 0)], (3, 0), 3),  # not 4: nor of two machines
        ([(0, 0), (16, 1), (4, 4)], (2, 0.5), 4),
    ],
)
def test_how_many_trials_run_at_once(machines, trial, number):
    cluster = Cluster("", tuple(Machine(*machine) for machine in machines))
    assert cluster.slots(*trial) == number


@pytest.mark.parametrize(
    ("asked", "cluster", "taken"),
    [
        ((None, None), CPUS_ALONE, (1.0, 0.0)),
        ((None, None), WITH_GPUS, (1.0, 1.0)),
        # What will be measured begins with a whole one.
        ((None, "auto"), WITH_GPUS, (1.0, 1.0)),
        ((None, "auto"), CPUS_ALONE, (1.0, 0.0)),
        ((4.0, 0.25), WITH_GPUS, (4.0, 0.25)),
        ((None, 0.0), WITH_GPUS, (1.0, 0.0)),
        ((4.0, 2.0), MIXED, (4.0, 2.0)),
        ((16.0, 0.0), MIXED, (16.0, 0.0)),
    ],
)
def test_a_trial_takes_a_core_and_a_gpu_where_there_is_one_or_what_was_asked_for(
    asked, cluster, taken
):
    assert place(cluster, *asked) == taken


@pytest.mark.parametrize(
    ("asked", "cluster", "message"),
    [
        ((5.0, None), CPUS_ALONE, "--cpus-per-trial 5 asks for more than the 4 CPUs"),
        ((None, 0.5), CPUS_ALONE, "--gpus-per-trial 0.5 asks for more than the 0 GPUs"),
        # What all machines have together does not help a trial, which runs on one of them.
        ((17.0, 0.0), MIXED, "than the 16 CPUs of the largest machine"),
        ((None, 3.0), MIXED, "than the 2 GPUs of the largest machine"),
        ((6.0, 1.0), MIXED, "together are more than any one machine"),
    ],
)
def test_a_trial_that_would_never_find_room_is_refused(asked, cluster, message):
    with pytest.raises(ClusterError, match=message):
        place(cluster, *asked)


@pytest.mark.slow
def test_half_a_gpu_for_a_trial_lets_four_run_on_two_and_never_more(start_cluster, tmp_path):
    """On logical GPUs, which Ray counts as it counts real ones."""
    cluster = start_cluster({"num_cpus": 16, "num_gpus": 2})
    clips = write_clips(tmp_path / "tiny.npz")
    flags = ["--gpus-per-trial", "0.5", "--set", "device=cpu", "--address", cluster.address]
    finish(start(clips, tmp_path, *flags, "--seeds", "0", "1", "2", epochs=30))
    assert len(read_table(tmp_path, "trials.csv")) == 7
    assert most_at_once(tmp_path) == (4, True)


@pytest.mark.slow
def test_trials_run_on_all_machines_and_go_on_elsewhere_when_one_is_lost(start_cluster, tmp_path):
    clips = write_clips(tmp_path / "tiny.npz")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    finish(start(clips, whole, epochs=LONG))

    cluster = start_cluster({"num_cpus": 0}, {"num_cpus": 1}, {"num_cpus": 1})
    process = start(clips, broken, "--address", cluster.address, epochs=LONG)
    for _ in range(2):  # both trials have something to go on from
        wait_for(process, "task 1/3")
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
    lost = time.time()
    wait_for(process, "goes on")
    assert first_task_after(lost, broken) >= 2
    finish(process)
    # Each machine takes one trial, so two at once are on both.
    assert most_at_once(broken) == (2, True)
    assert curves_of(whole) == curves_of(broken)


@pytest.mark.slow
def test_a_study_that_shares_has_the_same_numbers_and_leaves_no_store(start_cluster, tmp_path):
    """One trial after the other: those that start together each learn their first task."""
    cluster = start_cluster({"num_cpus": 1})
    clips = write_clips(tmp_path / "tiny.npz")
    found = []
    for flags in (["--share-first-task"], []):
        folder = tmp_path / f"with{len(flags)}"
        folder.mkdir()
        out = finish(start(clips, folder, "--address", cluster.address, *flags, mode="shares"))
        assert ("First task reused in 2 of 3 trials, " in out) == bool(flags)
        assert not first_tasks_folder(str(folder / "tiny")).exists()
        found.append(curves_of(folder))
    assert found[0] == found[1]
