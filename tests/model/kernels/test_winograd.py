"""Winograd's convolution over tokens against the direct one, and which layers take it."""

import pytest
import torch
from torch.nn import functional as F

from charon.model.backbones.sttformer import SIZES
from charon.model.block import NUM_HEADS
from charon.model.kernels import winograd


def inputs(rows=2, channels=3, out=4, tokens=12, tuples=5, dtype=torch.float64):
    """Maps, tokens, weight and the slope of the output, in the layouts the network has."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(rows, NUM_HEADS, tokens, tokens, generator=generator) / tokens**0.5
    x = torch.randn(rows, channels, tokens, tuples, generator=generator)
    weight = torch.randn(out, NUM_HEADS * channels, 5, 1, generator=generator)
    slope = torch.randn(rows, out, tokens, tuples, generator=generator)
    return (
        maps.to(dtype).requires_grad_(),
        x.to(dtype, memory_format=torch.channels_last).requires_grad_(),
        weight.to(dtype, memory_format=torch.channels_last).requires_grad_(),
        slope.to(dtype, memory_format=torch.channels_last),
    )


def directly(maps, x, weight):
    heads = torch.einsum("rhvu,rcut->rhcvt", maps, x).flatten(1, 2)
    return F.conv2d(heads, weight, padding=(2, 0))


def with_gradients(mix_and_convolve, *given):
    *of, slope = given
    result = mix_and_convolve(*of)
    return result, *torch.autograd.grad(result, of, slope)


SHAPES = {
    "whole tiles": {},
    "the paper's tokens": {"tokens": 150, "tuples": 2},
    "one token more than tiles": {"tokens": 13},
    "one token less": {"tokens": 11},
    "less than a tile": {"tokens": 4},
    "one token": {"tokens": 1},
    "one row": {"rows": 1},
    "one tuple": {"tuples": 1},
    "one channel": {"channels": 1, "out": 1},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_it_is_the_direct_convolution_and_its_gradients(shape):
    given = inputs(**shape)
    found, expected = (
        with_gradients(winograd.mix_and_convolve, *given),
        with_gradients(directly, *given),
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


def test_it_rounds_at_most_a_few_times_as_much_as_the_direct_one():
    """In float32 and the paper's width, against float64: the root mean square."""
    shape = {"rows": 1, "channels": 128, "out": 128, "tokens": 150, "tuples": 2}
    exact = with_gradients(directly, *inputs(**shape))
    given = inputs(**shape, dtype=torch.float32)
    found, direct = (
        with_gradients(winograd.mix_and_convolve, *given),
        with_gradients(directly, *given),
    )
    for one, other, best in zip(found, direct, exact, strict=True):
        size = best.square().mean().sqrt()
        assert (one - best).square().mean().sqrt() < 6e-6 * size
        assert (other - best).square().mean().sqrt() < 1.2e-6 * size


def test_the_output_is_channels_last_however_many_tokens_there_are():
    for tokens in (12, 13):
        *given, _ = inputs(tokens=tokens)
        result = winograd.mix_and_convolve(*given)
        assert result.is_contiguous(memory_format=torch.channels_last)


def test_wide_layers_take_it_and_narrow_ones_do_not():
    """Of the paper's network all do, but with few tuples left only the wide ones."""
    assert all(taken("tiny", tuples=14))
    assert all(taken("base", tuples=14))
    assert taken("tiny", tuples=2) == [False] * 4 + [True] * 4
    # The small network keeps its numbers bit for bit on the stand-in's short clips.
    assert taken("nano", tuples=10, tokens=25) == [False]


def taken(size, tuples, tokens=150):
    return [pays(into, out, tuples, tokens) for into, out, _ in SIZES[size].encoder]


def pays(into=128, out=128, tuples=14, tokens=150, dtype=torch.float32, device="cpu"):
    x = torch.empty(1, into, tokens, tuples, dtype=dtype, device=device)
    weight = torch.empty(out, NUM_HEADS * into, 5, 1, dtype=dtype, device=device)
    return winograd.pays(x, weight)


def test_only_float32_on_a_cpu_takes_it():
    """It rounds too much for bfloat16; float64 is for tests; GPUs have ways of their own."""
    assert pays()
    assert not pays(dtype=torch.bfloat16)
    assert not pays(dtype=torch.float64)
    assert not pays(device="meta")


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_rows_taken_at_a_time_change_nothing(threads, monkeypatch):
    """As many as there are threads: here one, two and one, and all three at once."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    given = inputs(rows=3)
    found = with_gradients(winograd.mix_and_convolve, *given)
    for one, other in zip(found, with_gradients(directly, *given), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)
