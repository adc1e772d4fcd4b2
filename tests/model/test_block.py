"""A layer of the backbone: its maps, and the two ways of its kernels."""

import pytest
import torch

from charon.model.block import Skip, TupleAttention, TupleBlock, leaky_
from charon.model.kernels import winograd


def test_a_skip_is_its_input_or_a_convolution_and_batch_norm_of_it():
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    assert Skip(3, 3, is_learned=False)(x) is x
    learned = Skip(3, 6, is_learned=True).eval()
    conv, norm = learned
    torch.testing.assert_close(learned(x), norm(conv(x)))


def test_a_tenth_of_what_is_below_zero_is_left_in_place():
    x = torch.tensor([-2.0, 3.0])
    assert leaky_(x) is x
    torch.testing.assert_close(x, torch.tensor([-0.2, 3.0]))


def some_attention(kind):
    generator = torch.Generator().manual_seed(0)
    attention = TupleAttention(4, 2, 10, kind)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return attention, torch.randn(2, 4, 10, 3, generator=generator)


def scores_of(attention, x):
    """(row, head, token v, token u): query u times key v over all tuples, their mean."""
    query, key = attention.to_query_key(x).unflatten(1, (2, 3, 2)).unbind(1)
    return torch.einsum("nhdut,nhdvt->nhvu", query, key) / (2 * 3)


def test_a_softmax_map_sums_to_1_over_the_tokens_it_is_written_to():
    attention, x = some_attention("softmax")
    maps = attention(x)
    expected = (scores_of(attention, x) * attention.scale + attention.offset).softmax(dim=2)
    torch.testing.assert_close(maps, expected)
    torch.testing.assert_close(maps.sum(dim=2), torch.ones(2, 3, 10))


def test_a_tanh_map_has_an_offset_for_each_pair_of_tokens():
    attention, x = some_attention("tanh")
    offset = attention.offset.transpose(2, 3)
    torch.testing.assert_close(
        attention(x), scores_of(attention, x).tanh() * attention.scale + offset
    )


@pytest.mark.parametrize("is_training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("num_tokens", [10, 12])
def test_a_block_computes_the_same_by_either_way(is_training, num_tokens, monkeypatch):
    """Values, the gradients of input and weights, and the running statistics.

    Twelve tokens are whole tiles of Winograd's convolution, of which nothing is cut off.
    """
    generator = torch.Generator().manual_seed(1)
    block = TupleBlock(4, 6, 2, num_tokens=num_tokens).double().train(is_training)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
    x = torch.randn(3, 4, num_tokens, 5, generator=generator).double()
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
