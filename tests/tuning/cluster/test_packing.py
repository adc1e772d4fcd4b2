"""How many trials share a GPU, by what a warm-up measured."""

from pathlib import Path

import pytest
from tiny_runs import tiny_run

from charon.tuning.cluster.cluster import Cluster, ClusterError, Machine
from charon.tuning.cluster.packing import choose, measured_share, pack
from charon.tuning.cluster.warm_up import Footprint
from charon.tuning.study.trials import PlannedTrial

GB = 1e9


def rates_of(measured):
    """Return a measurement whose outcome is known; None stands for one that fails."""

    def steps_per_second(k):
        if measured[k] is None:
            raise ClusterError(f"{k} trials at once failed: out of memory.")
        return measured[k]

    return steps_per_second


@pytest.mark.parametrize(
    ("measured", "most", "chosen"),
    [
        ({1: 10.0, 2: 18.0, 4: 19.0}, 8, 2),  # four are hardly faster than two
        ({1: 10.0, 2: 18.0, 4: 30.0}, 5, 4),  # eight have no room
        ({1: 10.0, 2: 18.0}, 3, 2),
        ({1: 10.0}, 1, 1),
        ({1: 10.0, 2: 9.0}, 8, 1),
        ({1: 10.0, 2: 18.0, 4: None}, 8, 2),  # four do not get through
    ],
)
def test_as_many_share_a_gpu_as_have_room_and_are_worth_it(measured, most, chosen):
    k, rates = choose(most, rates_of(measured))
    assert k == chosen
    assert rates == {number: rate for number, rate in measured.items() if rate is not None}


def cluster_of(cpus, gpus):
    return Cluster("", (Machine(cpus, gpus),))


def packed(cluster, *, gpus=1.0, device="cuda"):
    trials = [PlannedTrial("alone", tiny_run(device=device).to_flat())]
    return pack(cluster, trials, Path(), 1.0, gpus, pytest.fail)


def test_without_a_gpu_trials_are_packed_by_cpus_and_the_study_says_so():
    gpus, sentence = packed(cluster_of(4, 0), gpus=0.0, device="cpu")
    assert gpus == 0
    assert sentence == (
        "--gpus-per-trial auto found no GPU: trials are packed by --cpus-per-trial."
    )


def test_trials_that_compute_on_the_cpu_take_no_gpu():
    gpus, sentence = packed(cluster_of(4, 2), device="cpu")
    assert gpus == 0
    assert "device=cpu" in sentence


def test_a_dry_run_measures_nothing_and_says_so():
    gpus, sentence = packed(None)
    assert gpus == 1
    assert "measured when the study runs" in sentence


class Known:
    """A warm-up whose outcome is known."""

    def footprint(self):
        return Footprint(8 * GB, 80 * GB)

    def steps_per_second(self, k):
        return 10.0 * k


@pytest.mark.parametrize(("cpus", "gpus"), [(64, 0.125), (4, 0.5), (2, 1.0)])
def test_no_more_trials_share_a_gpu_than_there_are_cpus_for(cpus, gpus):
    assert measured_share(Known(), cluster_of(cpus, 2), 1.0)[0] == gpus


def test_the_choice_is_told_with_what_was_measured():
    class Measured(Known):
        def footprint(self):
            return Footprint(8.25 * GB, 80 * GB)

        def steps_per_second(self, k):
            return {1: 10.0, 2: 18.04, 4: 19.0}[k]

    _, sentence = measured_share(Measured(), cluster_of(64, 1), 1.0)
    assert sentence == (
        "--gpus-per-trial auto: 2 to a GPU (0.5 each); a trial takes 8.25 GB of its 80 GB, and the "
        "steps a second are 10 with 1, 18 with 2, 19 with 4."
    )


def test_a_warm_up_that_fails_says_what_to_give_instead():
    class Failing(Known):
        def footprint(self):
            raise RuntimeError("Traceback ...\n  some line\nOutOfMemoryError: too little.")

    with pytest.raises(
        ClusterError, match=r"OutOfMemoryError: too little\); say.*--gpus-per-trial 0\.5"
    ):
        measured_share(Failing(), cluster_of(4, 2), 1.0)
