"""Frozen statistics."""

import torch
from torch import nn

from charon.model.statistics import frozen_statistics


def test_a_frozen_norm_uses_its_batch_and_keeps_its_running_statistics():
    norm, x = nn.BatchNorm2d(2), torch.arange(16.0).view(2, 2, 2, 2)
    with frozen_statistics(nn.Sequential(norm)):
        out = norm(x)
    assert norm.running_mean.tolist() == [0, 0]
    assert norm.track_running_stats
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(2))
    norm(x)
    assert norm.running_mean.tolist() != [0, 0]
