"""What one trial takes of a cluster."""

import pytest

from charon.tuning.cluster.cluster import Cluster, ClusterError, Machine
from charon.tuning.cluster.resources import place
from charon.tuning.session.options import Options

CPUS_ALONE, WITH_GPUS = Cluster("", (Machine(4, 0),)), Cluster("", (Machine(16, 2),))
MIXED = Cluster("", (Machine(0, 0), Machine(4, 2), Machine(16, 0)))


@pytest.mark.parametrize(
    ("options", "cluster", "taken"),
    [
        (Options(), CPUS_ALONE, (1.0, 0.0)),
        (Options(), WITH_GPUS, (1.0, 1.0)),
        # What will be measured begins with a whole one.
        (Options(gpus="auto"), WITH_GPUS, (1.0, 1.0)),
        (Options(gpus="auto"), CPUS_ALONE, (1.0, 0.0)),
        (Options(gpus=0.25, cpus=4.0), WITH_GPUS, (4.0, 0.25)),
        (Options(gpus=0.0), WITH_GPUS, (1.0, 0.0)),
        (Options(cpus=4.0, gpus=2.0), MIXED, (4.0, 2.0)),
        (Options(cpus=16.0, gpus=0.0), MIXED, (16.0, 0.0)),
    ],
)
def test_a_trial_takes_a_core_and_a_gpu_where_there_is_one_or_what_was_asked_for(
    options, cluster, taken
):
    assert place(options.cpus, options.gpus, cluster) == taken


@pytest.mark.parametrize(
    ("options", "cluster", "message"),
    [
        (Options(cpus=5.0), CPUS_ALONE, "--cpus-per-trial 5 asks for more than the 4 CPUs"),
        (Options(gpus=0.5), CPUS_ALONE, "--gpus-per-trial 0.5 asks for more than the 0 GPUs"),
        # What all machines have together does not help a trial, which runs on one of them.
        (Options(cpus=17.0, gpus=0.0), MIXED, "than the 16 CPUs of the largest machine"),
        (Options(gpus=3.0), MIXED, "than the 2 GPUs of the largest machine"),
        (Options(cpus=6.0, gpus=1.0), MIXED, "together are more than any one machine"),
    ],
)
def test_a_trial_that_would_never_find_room_is_refused(options, cluster, message):
    with pytest.raises(ClusterError, match=message):
        place(options.cpus, options.gpus, cluster)
