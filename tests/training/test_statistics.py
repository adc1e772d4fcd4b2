"""Batch norm's balanced statistics: equal shares of classes, and nothing else touched."""

import torch
from tiny_runs import tiny_learner, tiny_run

from charon.clips import Clips
from charon.training.statistics import balance_statistics


def clips_of(label, value):
    """Clips of one class that all have the same coordinates."""
    x = torch.full((len(label), 3, 12, 5, 2), value)
    x[..., 1] = 0
    present = torch.tensor([[True, False]]).repeat(len(label), 1)
    return Clips(x, present, torch.tensor(label))


def first_norm(learner):
    return learner.network.encoder.input_norm


def test_classes_have_equal_shares_however_many_clips_they_have():
    learner = tiny_learner(tiny_run("er"))
    network, before = learner.network, tiny_learner(tiny_run("er")).network
    clips = clips_of([0] * 50, 1.0).join(clips_of([1], -1.0))
    balance_statistics(learner, clips, torch.Generator().manual_seed(0))
    # The input map is linear, so the mean is that of the coordinate 0: the map's bias.
    mean = first_norm(learner).running_mean
    torch.testing.assert_close(mean, network.encoder.input_map.bias.detach(), atol=1e-5, rtol=1e-4)
    for name, weight in network.named_parameters():
        assert torch.equal(weight, dict(before.named_parameters())[name])
    assert not network.training or not first_norm(learner).training
    assert first_norm(learner).momentum == 0.1


def test_old_classes_come_from_the_memory():
    learner = tiny_learner(tiny_run("er"))
    learner.memory.offer(clips_of([0, 0], 3.0))
    learner.begin_task(range(2, 4))
    clips = clips_of([2] * 9, -3.0)
    balance_statistics(learner, clips, torch.Generator().manual_seed(0))
    bias = learner.network.encoder.input_map.bias.detach()
    torch.testing.assert_close(first_norm(learner).running_mean, bias, atol=1e-5, rtol=1e-4)
