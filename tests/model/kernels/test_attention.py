"""Products of attention, against the sums they are, by either way of convolving."""

import pytest
import torch

from charon.model.block import TupleBlock
from charon.model.kernels import winograd
from charon.model.kernels.attention import key_query_products


def test_products_and_their_gradient_are_those_of_the_sums():
    generator = torch.Generator().manual_seed(0)
    query_key = torch.randn(2, 5, 4, 12, generator=generator).double().requires_grad_()
    query, key = query_key.unflatten(-1, (2, 3, 2)).unbind(3)
    expected = torch.einsum("nuthd,nvthd->nhvu", query, key)
    products = key_query_products(query_key, num_heads=3)
    torch.testing.assert_close(products, expected)
    slope = torch.randn(products.shape, generator=generator).double()
    slopes = (torch.autograd.grad(z, query_key, slope)[0] for z in (products, expected))
    torch.testing.assert_close(*slopes)


@pytest.mark.parametrize("is_training", [True, False], ids=["training", "evaluation"])
def test_a_block_computes_the_same_by_either_way(is_training, monkeypatch):
    """Values, the gradients of input and weights, and the running statistics."""
    generator = torch.Generator().manual_seed(1)
    block = TupleBlock(4, 6, 2, num_tokens=10).double().train(is_training)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    x = torch.randn(3, 4, 10, 5, generator=generator).double()
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    state = {name: tensor.clone() for name, tensor in block.state_dict().items()}
    outcomes = []
    for pays in (False, True):
        monkeypatch.setattr(winograd, "pays", lambda *_, answer=pays: answer)
        block.load_state_dict(state)
        result = block(x, groups=(1, 2))
        wanted = [x, block.project.weight, block.mix.scale]
        slopes = torch.autograd.grad(result.square().sum(), wanted)
        outcomes.append((result, *slopes, block.project_norm.running_mean.clone()))
    for direct, by_points in zip(*outcomes, strict=True):
        torch.testing.assert_close(by_points, direct, rtol=1e-9, atol=1e-9)
