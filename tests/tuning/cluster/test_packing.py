"""How many trials share a GPU, by what a warm-up measures in processes of Ray."""

from pathlib import Path

import pytest
import ray
from tiny_runs import tiny_run
from tuning.study_runs import ROOT, write_clips

from charon.data.prepare import prepare
from charon.tuning.cluster import packing
from charon.tuning.cluster.cluster import Cluster, ClusterError, Machine
from charon.tuning.cluster.packing import WarmUp, measured_share, pack, share
from charon.tuning.study.trials import PlannedTrial

GB = 1e9


class Known:
    """A warm-up whose outcome is known; None stands for a rate that cannot be measured."""

    def __init__(self, measured=None, taken=8 * GB):
        self._measured, self._taken = measured, taken

    def footprint(self):
        return self._taken, 80 * GB

    def steps_per_second(self, k):
        rate = 10.0 * k if self._measured is None else self._measured[k]
        if rate is None:
            raise ClusterError(f"{k} trials at once failed: out of memory.")
        return rate


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
    cluster = Cluster("", (Machine(64, 1),))
    warm_up = Known(measured, taken=80 * GB / 1.2 / (most + 0.5))
    assert measured_share(warm_up, cluster, 1.0)[0] == 1 / chosen


@pytest.mark.parametrize(("taken", "gpus"), [(10 * GB, 0.25), (41 * GB, 1.0), (79 * GB, 1.0)])
def test_room_is_kept_for_more_than_what_was_seen(taken, gpus):
    """Of 10 GB there is room for six, of which four are tried."""
    assert measured_share(Known(taken=taken), cluster_of(64, 1), 1.0)[0] == gpus


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


@pytest.mark.parametrize(("cpus", "gpus"), [(64, 0.125), (4, 0.5), (2, 1.0)])
def test_no_more_trials_share_a_gpu_than_there_are_cpus_for(cpus, gpus):
    assert measured_share(Known(), cluster_of(cpus, 2), 1.0)[0] == gpus


def test_the_choice_is_told_with_what_was_measured():
    warm_up = Known({1: 10.0, 2: 18.04, 4: 19.0}, taken=8.25 * GB)
    _, sentence = measured_share(warm_up, cluster_of(64, 1), 1.0)
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


@pytest.fixture
def start_ray(monkeypatch):
    """Return a function that starts Ray with these resources."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield lambda **resources: ray.init(
        address="local", include_dashboard=False, log_to_driver=False, **resources
    )
    ray.shutdown()


def run_of(folder, device):
    path = write_clips(folder / "tiny.npz")
    prepare(str(path), folder)
    fields = {"data__path": str(path), "data__class_order": "natural", "device": device}
    return tiny_run(**fields).to_flat()


def test_a_share_is_never_more_than_the_kth_part():
    """Ray counts ten-thousandths; rounded up, the last of k trials would find no room."""
    shares = {k: share(k) for k in range(1, 65)}
    assert shares[4] == 0.25
    assert all(k * one <= 1 < (k + 1) * one for k, one in shares.items())


@pytest.mark.slow
def test_the_processes_of_a_warm_up_share_one_gpu(tmp_path, start_ray, monkeypatch):
    """On logical GPUs, so on CPUs: that they run, and where Ray puts them."""
    monkeypatch.setattr(packing, "PLACE_SECONDS", 5.0)
    start_ray(num_cpus=8, num_gpus=2)
    run = run_of(tmp_path, "cpu")
    warm_up = WarmUp([PlannedTrial("alone", run)], tmp_path, 1.0)
    assert warm_up.steps_per_second(3) > 0
    places = warm_up.ask([run] * 3, "placed_on")
    assert len(places) == 3
    assert len({tuple(ids) for ids in places}) == 1
    with pytest.raises(ClusterError, match=r"no machine had .* 10 free CPUs"):
        warm_up.steps_per_second(10)


@pytest.mark.gpu
def test_a_warm_up_on_a_gpu_says_what_a_trial_takes(tmp_path, start_ray):
    start_ray()
    warm_up = WarmUp([PlannedTrial("alone", run_of(tmp_path, "cuda"))], tmp_path, 1.0)
    taken, total = warm_up.footprint()
    assert 0 < taken < total
    assert warm_up.steps_per_second(2) > 0
