"""What a GPU computes is what the CPU does (``pytest -m gpu``, torch and numpy alone)."""

import pytest
import torch

from charon.benchmark.steps import Case, make, random_clips

CPU, GPU = torch.device("cpu"), torch.device("cuda")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]


@pytest.fixture(autouse=True)
def _exact(monkeypatch):
    """Multiply float32 as float32: TF32 has ten bits of a number."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)


def after_steps(device, way, steps):
    """Return the losses of each step and the weights after the last, on the CPU."""
    learner = make(Case("train", way, masking_ratio=0.5, device=device.type))
    losses = [learner.train_step(random_clips(4, device, seed)) for seed in range(steps)]
    weights = {name: weight.cpu() for name, weight in learner.network.state_dict().items()}
    return [{name: float(loss) for name, loss in each.items()} for each in losses], weights


@pytest.mark.parametrize(("way", "relative"), [("fp32", 1e-4), ("bf16", 3e-2)])
def test_losses_and_weights_after_steps_are_the_cpus(way, relative):
    on_cpu, weights_there = after_steps(CPU, way, 2)
    on_gpu, weights_here = after_steps(GPU, way, 2)
    for there, here in zip(on_cpu, on_gpu, strict=True):
        assert here == pytest.approx(there, rel=relative)
    for name, weight in weights_there.items():
        distance = (weights_here[name] - weight).float().norm()
        assert distance <= relative * weight.float().norm() + 1e-6, name


def test_predictions_probing_and_stored_logits_are_the_cpus():
    learners = [make(Case("probe", "fp32", device=device.type)) for device in (CPU, GPU)]
    for learner, device in zip(learners, (CPU, GPU), strict=True):
        learner.probe_step(random_clips(4, device, 1), stores=True)
        learner.end_task(random_clips(4, device, 1))
    there, here = (learner.memory.state_dict()["stored"] for learner in learners)
    for a, b in zip(there, here, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
