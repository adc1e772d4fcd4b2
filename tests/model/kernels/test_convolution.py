"""Convolution and batch norm, against torch's own."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from charon.model.kernels import (
    conv2d,
    convolution,
    convolve,
    convolve_and_normalise,
    normalise,
)


def layers():
    torch_layers = nn.Conv2d(3, 4, (1, 3), padding=(0, 1)), nn.BatchNorm2d(4)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for layer in torch_layers:
            for parameter in layer.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
        torch_layers[1].running_mean.add_(1)
        torch_layers[1].running_var.mul_(2)
    return [layer.double() for layer in torch_layers]


def rows(count=5):
    x = torch.randn(count, 3, 6, 4, generator=torch.Generator().manual_seed(1))
    return x.double().requires_grad_()


@pytest.mark.parametrize("few", [0, 1_000_000], ids=["large", "small"])
def test_a_1x1_convolution_and_its_gradients_are_torchs(few, monkeypatch):
    """Small layers are computed by a product of matrices, with a bias or without."""
    monkeypatch.setattr(convolution, "FEW", few)
    generator = torch.Generator().manual_seed(0)
    conv, x = nn.Conv2d(3, 4, 1).double(), rows()
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    of = (x, conv.weight, conv.bias)
    expected = conv(x)
    for ours in (convolve(conv, x), conv2d(*of, padding=(0, 0))):
        torch.testing.assert_close(ours, expected)
        slopes = [
            torch.autograd.grad(z.square().sum(), of, retain_graph=True) for z in (ours, expected)
        ]
        torch.testing.assert_close(*slopes)
    torch.testing.assert_close(conv2d(x, conv.weight, padding=(0, 0)), F.conv2d(x, conv.weight))


def test_a_convolution_and_its_gradients_are_torchs():
    (conv, _), x = layers(), rows()
    of = (x, conv.weight, conv.bias)
    ours, expected = convolve(conv, x), conv(x)
    torch.testing.assert_close(ours, expected)
    slopes = [torch.autograd.grad(z.square().sum(), of) for z in (ours, expected)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("is_training", [True, False], ids=["training", "evaluation"])
def test_with_batch_norm_it_is_one_after_the_other(is_training):
    """Values, gradients and running statistics; the bias has no gradient in training."""
    (conv, norm), x = layers(), rows()
    norm.train(is_training)
    twin = copy.deepcopy(norm)
    of = (x, conv.weight, norm.weight, norm.bias)
    of_twin = (x, conv.weight, twin.weight, twin.bias)
    ours, expected = convolve_and_normalise(conv, norm, x), twin(conv(x))
    torch.testing.assert_close(ours, expected)
    slopes = (
        torch.autograd.grad(ours.square().sum(), of),
        torch.autograd.grad(expected.square().sum(), of_twin),
    )
    torch.testing.assert_close(*slopes)
    torch.testing.assert_close(norm.running_mean, twin.running_mean)
    torch.testing.assert_close(norm.running_var, twin.running_var)


def test_a_norm_that_tracks_nothing_uses_its_batch_and_keeps_its_running_statistics():
    (conv, norm), x = layers(), rows()
    mean, var = norm.running_mean.clone(), norm.running_var.clone()
    expected = copy.deepcopy(norm)(conv(x))
    norm.track_running_stats = False
    torch.testing.assert_close(convolve_and_normalise(conv, norm, x), expected)
    assert torch.equal(norm.running_mean, mean)
    assert torch.equal(norm.running_var, var)


def test_each_group_is_normalised_alone_and_moves_the_statistics_in_turn():
    (conv, norm), x = layers(), rows()
    twin = copy.deepcopy(norm)
    together = convolve_and_normalise(conv, norm, x, groups=(2, 3))
    alone = [convolve_and_normalise(conv, twin, part) for part in x.split([2, 3])]
    torch.testing.assert_close(together, torch.cat(alone))
    torch.testing.assert_close(norm.running_mean, twin.running_mean)
    torch.testing.assert_close(norm.running_var, twin.running_var)


def test_batch_norm_alone_takes_each_groups_statistics_as_forwards_of_each_would():
    (_, norm), (_, expected) = layers(), layers()
    x = torch.randn(5, 4, 6, 3, generator=torch.Generator().manual_seed(2)).double()
    got = normalise(norm, x, (2, 3))
    torch.testing.assert_close(got, torch.cat([expected(x[:2]), expected(x[2:])]))
    torch.testing.assert_close(norm.running_mean, expected.running_mean)
    torch.testing.assert_close(norm.running_var, expected.running_var)
    torch.testing.assert_close(normalise(norm.eval(), x, (2, 3)), expected.eval()(x))
