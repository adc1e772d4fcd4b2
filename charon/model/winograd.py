"""Convolution over five tokens with a third of the products: Winograd's F(6, 5).

Six neighbouring outputs depend on ten tokens and take thirty products a pair of channels.
Seen as products of polynomials they take ten: tokens and weights are evaluated at ten points,
multiplied point by point, and six outputs are interpolated from the ten products. What is
added, sums over ten tokens without channels, is little where there are many channels.

In float32, with 128 channels, the result is 3e-6 of its size away from the exact one where the
direct sum is 8e-7 away (root mean squares); bfloat16 would have too few digits for it.

Source: Winograd, Arithmetic Complexity of Computations (1980); Lavin & Gray, Fast Algorithms
for Convolutional Neural Networks (2016), for layers of many channels.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

OUTPUTS = 6
KERNEL = 5
LEAST = 25_000
"""Products of channels before, channels after and tuples from which it is the faster way:
measured with 150 tokens, both gradients included.
"""
_PADDING = KERNEL // 2

# Small, few bits, in pairs ±: what rounds least. The tenth point is infinity.
_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 1.5, -1.5)
_NUM_POINTS = len(_POINTS) + 1
assert _NUM_POINTS == OUTPUTS + KERNEL - 1


def _transforms() -> tuple[Tensor, Tensor, Tensor]:
    """Return what tokens, weights and products are multiplied by, in float64.

    Tokens by the coefficients of the polynomials that vanish at all points but one, weights
    by the powers of that point over the polynomial's value there, products by its powers.
    All but the division is exact, as the points are sums of few powers of two.
    """
    of_tokens = np.zeros((_NUM_POINTS, _NUM_POINTS))
    of_weights = np.zeros((_NUM_POINTS, KERNEL))
    of_products = np.zeros((OUTPUTS, _NUM_POINTS))
    for i, point in enumerate(_POINTS):
        others = _POINTS[:i] + _POINTS[i + 1 :]
        of_tokens[i, :-1] = np.poly(others)[::-1]
        of_weights[i] = point ** np.arange(KERNEL) / np.prod(point - np.array(others))
        of_products[:, i] = point ** np.arange(OUTPUTS)
    of_tokens[-1] = np.poly(_POINTS)[::-1]
    of_weights[-1, -1] = of_products[-1, -1] = 1.0
    return torch.from_numpy(of_tokens), torch.from_numpy(of_weights), torch.from_numpy(of_products)


_OF_TOKENS, _OF_WEIGHTS, _OF_PRODUCTS = _transforms()


def _windows(tokens: int) -> Iterator[tuple[slice, slice]]:
    """Yield which tokens six outputs depend on, and which of the ten places those are in."""
    for first in range(-_PADDING, tokens - _PADDING, OUTPUTS):
        start, stop = max(first, 0), min(first + _NUM_POINTS, tokens)
        yield slice(start, stop), slice(start - first, stop - first)


def _evaluate(heads: Tensor, evaluated: Tensor) -> None:
    """Write one row's tokens at the points: (head, point, tile · tuple, channel)."""
    of_tokens, flat = _OF_TOKENS.to(heads), heads.flatten(2)
    points = evaluated.view(*evaluated.shape[:2], -1, flat.shape[-1])
    for tile, (where, places) in enumerate(_windows(flat.shape[1])):
        each = of_tokens[:, places].expand(len(heads), -1, -1)
        torch.bmm(each, flat[:, where], out=points[:, :, tile])


def _evaluate_back(evaluated: Tensor, heads: Tensor) -> None:
    """Write the gradient of one row's tokens from that of what they are at the points."""
    of_tokens, flat = _OF_TOKENS.to(heads).t(), heads.zero_().flatten(2)
    points = evaluated.view(*evaluated.shape[:2], -1, flat.shape[-1])
    for tile, (where, places) in enumerate(_windows(flat.shape[1])):
        each = of_tokens[places].expand(len(heads), -1, -1)
        flat[:, where].baddbmm_(each, points[:, :, tile])


class _Convolution(torch.autograd.Function):
    """Gives (row, token, tuple, out), the tokens filled up to whole tiles of six.

    Row after row: what a row is at the points stays in the cache, and is made again for
    the gradients, which takes no more time than to keep it, and less memory.
    """

    @staticmethod
    def forward(ctx: Any, heads: Tensor, weight: Tensor) -> Tensor:
        rows, num_heads, tokens, tuples, channels = heads.shape
        out, tiles = len(weight), -(-tokens // OUTPUTS)
        by_head = weight.view(out, num_heads, channels, KERNEL)
        at_points = torch.einsum("pk,ohck->hpco", _OF_WEIGHTS.to(heads), by_head).contiguous()
        ctx.save_for_backward(heads, at_points)
        evaluated = heads.new_empty(num_heads, _NUM_POINTS, tiles * tuples, channels)
        products = heads.new_empty(_NUM_POINTS, tiles * tuples, out)
        tiled = products.view(_NUM_POINTS, tiles, tuples * out).transpose(0, 1)
        result = heads.new_empty(rows, tiles * OUTPUTS, tuples, out)
        to_outputs = _OF_PRODUCTS.to(heads).expand(tiles, -1, -1)
        for row in range(rows):
            _evaluate(heads[row], evaluated)
            torch.bmm(evaluated[0], at_points[0], out=products)
            for head in range(1, num_heads):
                products.baddbmm_(evaluated[head], at_points[head])
            torch.bmm(to_outputs, tiled, out=result[row].view(tiles, OUTPUTS, -1))
        return result

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor]:
        heads, at_points = ctx.saved_tensors
        rows, num_heads, tokens, tuples, channels = heads.shape
        out, tiles = at_points.shape[-1], -(-tokens // OUTPUTS)
        slope = slopes[0].reshape(rows, tiles, OUTPUTS, tuples * out)
        evaluated = heads.new_empty(num_heads, _NUM_POINTS, tiles * tuples, channels)
        to_products = heads.new_empty(_NUM_POINTS, tiles * tuples, out)
        tiled = to_products.view(_NUM_POINTS, tiles, tuples * out).transpose(0, 1)
        to_heads, to_at_points = torch.empty_like(heads), torch.zeros_like(at_points)
        from_outputs = _OF_PRODUCTS.to(heads).t().expand(tiles, -1, -1)
        for row in range(rows):
            torch.bmm(from_outputs, slope[row], out=tiled)
            _evaluate(heads[row], evaluated)
            for head in range(num_heads):
                to_at_points[head].baddbmm_(evaluated[head].transpose(1, 2), to_products)
                torch.bmm(to_products, at_points[head].transpose(1, 2), out=evaluated[head])
            _evaluate_back(evaluated, to_heads[row])
        to_weight = torch.einsum("pk,hpco->ohck", _OF_WEIGHTS.to(heads), to_at_points)
        return to_heads, to_weight.reshape(out, -1, KERNEL, 1)


def pays(heads: Tensor, weight: Tensor) -> bool:
    """Return whether this way is the faster one, and precise enough.

    A token's products must be many: they fall to a third, but evaluation and interpolation
    come with every token, in calls of their own, which several threads share badly.
    """
    products = weight.shape[0] * heads.shape[-1] * heads.shape[-2]
    is_precise = heads.dtype == torch.float32
    is_one_thread = heads.device.type == "cpu" and torch.get_num_threads() == 1
    return is_precise and is_one_thread and products >= LEAST


def convolve(heads: Tensor, weight: Tensor) -> Tensor:
    """Convolve over five tokens, with the heads beside their channels and padding of two.

    Args:
        heads: (row, head, token, tuple, channel), contiguous.
        weight: (out, head · channel, 5, 1).

    Returns:
        (row, out, token, tuple), channels last.
    """
    tiles: Tensor = _Convolution.apply(heads, weight)  # type: ignore[no-untyped-call]
    return tiles[:, : heads.shape[2]].contiguous().permute(0, 3, 1, 2)
