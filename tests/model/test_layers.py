"""Small layers: the way around, precision, slope, frozen statistics."""

import torch
from torch import nn

from charon.model.layers import Skip, frozen_statistics, leaky_, lowered


def test_a_skip_is_its_input_or_a_convolution_and_batch_norm_of_it():
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    assert Skip(3, 3, is_learned=False)(x) is x
    learned = Skip(3, 6, is_learned=True).eval()
    conv, norm = learned
    torch.testing.assert_close(learned(x), norm(conv(x)))


def test_only_bf16_lowers_the_precision():
    x = torch.ones(2)
    assert lowered(x, "fp32") is x
    assert lowered(x, "bf16").dtype == torch.bfloat16


def test_a_tenth_of_what_is_below_zero_is_left_in_place():
    x = torch.tensor([-2.0, 3.0])
    assert leaky_(x) is x
    torch.testing.assert_close(x, torch.tensor([-0.2, 3.0]))


def test_a_frozen_norm_uses_its_batch_and_keeps_its_running_statistics():
    norm, x = nn.BatchNorm2d(2), torch.arange(16.0).view(2, 2, 2, 2)
    with frozen_statistics(nn.Sequential(norm)):
        out = norm(x)
    assert norm.running_mean.tolist() == [0, 0]
    assert norm.track_running_stats
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(2))
    norm(x)
    assert norm.running_mean.tolist() != [0, 0]
