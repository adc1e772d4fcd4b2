"""The distributions of initial weights."""

import math

import pytest
import torch

from charon.model.network import Network
from charon.model.settings import ModelSettings
from charon.seeding import torch_generator


def paper_network(size="tiny", seed=0):
    return Network(
        ModelSettings(size=size),
        (3, 120, 25, 2),
        60,
        generator=torch_generator(seed, "weights"),
    )


def test_initial_weights_have_the_stated_distributions():
    network = paper_network()
    block = network.encoder.blocks[5]
    # Kaiming normal over the fan out, gain √2: 128 outputs x kernel.
    for convolution, kernel in ((block.project, 5), (block.across, 3), (block.feed, 1)):
        spread = math.sqrt(2 / (128 * kernel))
        assert convolution.weight.std().item() == pytest.approx(spread, rel=0.03)
        assert convolution.weight.mean().item() == pytest.approx(0, abs=spread / 30)
        # A normal distribution has 0.27 % beyond three standard deviations; a uniform none.
        beyond = (convolution.weight.abs() > 3 * spread).double().mean().item()
        assert 0.001 < beyond < 0.005
    # PyTorch's default bias: uniform within 1/√fan_in.
    bound = 1 / math.sqrt(128)
    bias = block.mix.to_query_key.bias.abs()
    assert 0.95 * bound < bias.max().item() <= bound
    assert bias.mean().item() == pytest.approx(bound / 2, rel=0.1)
    # Xavier normal, zero bias.
    classifier = network.classifier
    assert classifier.weight.std().item() == pytest.approx(math.sqrt(2 / 188), rel=0.03)
    assert classifier.weight.abs().max().item() > 2 * math.sqrt(3 * 2 / 188)  # not uniform
    assert (classifier.bias == 0).all()
    # The output map: PyTorch's default for weight and bias.
    bound = 1 / math.sqrt(32)
    weight = network.decoder.output_map.weight.abs()
    assert 0.9 * bound < weight.max().item() <= bound
    assert network.decoder.output_map.bias.abs().max().item() <= bound
    # Learned vectors are 0, batch norm is the identity, attention starts plain.
    assert (network.absent == 0).all()
    assert (network.decoder.mask == 0).all()
    assert (block.feed_norm.weight == 1).all()
    assert (block.feed_norm.bias == 0).all()
    assert (block.feed_norm.running_mean == 0).all()
    assert (block.feed_norm.running_var == 1).all()
    assert (block.feed_norm.eps, block.feed_norm.momentum) == (1e-5, 0.1)
    assert (block.mix.scale == 1).all()
    assert (block.mix.offset == 1 / 150).all()


def test_equal_generators_make_equal_networks():
    networks = [paper_network(size="nano", seed=seed) for seed in (0, 0, 1)]
    weights, same, other = (
        torch.cat([p.flatten() for p in network.parameters()]) for network in networks
    )
    assert torch.equal(weights, same)
    assert not torch.equal(weights, other)
