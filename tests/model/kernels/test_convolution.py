"""Convolution and batch norm, against torch's own."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from charon.model.kernels import conv2d, convolution, convolve, convolve_and_normalise


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


@pytest.fixture(params=[0, 1_000_000], ids=["large", "small"], autouse=True)
def both_ways(request, monkeypatch):
    """Small layers are computed in other ways than large ones."""
    monkeypatch.setattr(convolution, "FEW", request.param)


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


@pytest.mark.parametrize("kernel", [(1, 1), (1, 3), (5, 1)])
@pytest.mark.parametrize("count", [1, 20])
def test_every_kernel_and_number_of_rows_gives_torchs_convolution(kernel, count):
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, *kernel, generator=generator).double().requires_grad_()
    bias = torch.randn(4, generator=generator).double().requires_grad_()
    x, padding = rows(count), (kernel[0] // 2, kernel[1] // 2)
    x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    of = (x, weight, bias)
    ours, expected = (f(*of, padding=padding) for f in (conv2d, F.conv2d))
    torch.testing.assert_close(ours, expected)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    slopes = [torch.autograd.grad(z.square().sum(), of) for z in (ours, expected)]
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("groups", [(), (2, 3)], ids=["one group", "two groups"])
@pytest.mark.parametrize("is_training", [True, False], ids=["training", "evaluation"])
def test_a_skip_is_added_before_leaky_relu(groups, is_training):
    (conv, norm), x = layers(), rows()
    norm.train(is_training)
    twin = copy.deepcopy(norm)
    skip = torch.randn(5, 4, 6, 4, generator=torch.Generator().manual_seed(2)).double()
    skip.requires_grad_()
    of = (x, conv.weight, norm.weight, norm.bias, skip)
    of_twin = (x, conv.weight, twin.weight, twin.bias, skip)
    ours = convolve_and_normalise(conv, norm, x, groups, skip=skip)
    parts = [twin(part) for part in conv(x).split(list(groups) or [5])]
    expected = F.leaky_relu(torch.cat(parts) + skip, 0.1)
    torch.testing.assert_close(ours, expected)
    slopes = (
        torch.autograd.grad(ours.square().sum(), of),
        torch.autograd.grad(expected.square().sum(), of_twin),
    )
    torch.testing.assert_close(*slopes)
