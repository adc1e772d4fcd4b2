"""The first steps of trials, measured in processes of Ray."""

import pytest
import ray
from tiny_runs import tiny_run
from tuning.study_runs import ROOT, write_clips

from charon.data.prepare import prepare
from charon.tuning.cluster import warm_up as module
from charon.tuning.cluster.cluster import ClusterError
from charon.tuning.cluster.warm_up import Footprint, WarmUp, share
from charon.tuning.study.trials import PlannedTrial


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


def test_room_is_kept_for_more_than_what_was_seen():
    assert Footprint(10 * 1e9, 80 * 1e9).most == 6
    assert Footprint(79 * 1e9, 80 * 1e9).most == 1


def test_a_share_is_never_more_than_the_kth_part():
    """Ray counts ten-thousandths; rounded up, the last of k trials would find no room."""
    shares = {k: share(k) for k in range(1, 65)}
    assert shares[4] == 0.25
    assert all(k * one <= 1 < (k + 1) * one for k, one in shares.items())


@pytest.mark.slow
def test_the_processes_of_a_warm_up_share_one_gpu(tmp_path, start_ray, monkeypatch):
    """On logical GPUs, so on CPUs: that they run, and where Ray puts them."""
    monkeypatch.setattr(module, "PLACE_SECONDS", 5.0)
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
    footprint = warm_up.footprint()
    assert 0 < footprint.taken < footprint.total
    assert warm_up.steps_per_second(2) > 0
