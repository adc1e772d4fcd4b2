"""What one trial takes of a cluster."""

import pytest

from charon.tuning.cluster import resources as placing
from charon.tuning.cluster.cluster import Cluster, ClusterError, Machine
from charon.tuning.cluster.resources import place

CPUS_ALONE, WITH_GPUS = Cluster("", (Machine(4, 0),)), Cluster("", (Machine(16, 2),))
MIXED = Cluster("", (Machine(0, 0), Machine(4, 2), Machine(16, 0)))


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


def test_without_a_cluster_it_is_this_machine(monkeypatch):
    monkeypatch.setattr(placing, "this_machine", lambda: WITH_GPUS)
    assert place(None, None, None) == (1.0, 1.0)
