"""Attention and convolution over five tokens with fewer products: Winograd's F(6, 5).

Six neighbouring outputs depend on ten tokens and take thirty products for each pair of
channels. As products of polynomials they take ten: tokens and weights are evaluated at ten
points and multiplied point by point, and six outputs are interpolated from the ten products.
The sums this adds, over ten tokens without channels, are few where channels are many.

A tile of six outputs has six tokens, at places 0 to 5, and also reads the first four of the
next tile. A single product evaluates all tiles if tokens lie by place, then by tile; attention
mixes them straight into that order, as its maps are brought into it first.

In float32, with 128 channels, its relative error is 3e-6, the direct sum's 8e-7 (root mean
squares); bfloat16 has too few digits for it.

Source: Winograd, Arithmetic Complexity of Computations (1980); Lavin & Gray, Fast Algorithms
for Convolutional Neural Networks (2016), for layers of many channels.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

OUTPUTS = 6
KERNEL = 5
LEAST = 2_000_000
"""Channels before times channels after times tokens times tuples from which it is faster, both
gradients included: measured with one thread and two.
"""
_PADDING = KERNEL // 2
_OF_NEXT = KERNEL - 1

# Small, of few bits and in pairs ±: these round least. The tenth point is infinity.
_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 1.5, -1.5)
_NUM_POINTS = len(_POINTS) + 1
assert _NUM_POINTS == OUTPUTS + KERNEL - 1


def _transforms() -> tuple[Tensor, Tensor, Tensor]:
    """Return the matrices of tokens, weights and products, in float64.

    Tokens are multiplied by the coefficients of the polynomials that vanish at all points but
    one, weights by that point's powers over the polynomial's value there, products by its powers.
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


def _evaluate(places: Tensor, channels: int) -> Tensor:
    """Evaluate tokens at the points: (row, head, point, tile · tuple, channel)."""
    rows, heads = places.shape[:2]
    of_tokens = _OF_TOKENS.to(places).expand(rows * heads, -1, -1)
    own = places[:, :, :, :-1].flatten(3).flatten(0, 1)
    of_next = places[:, :, :_OF_NEXT, 1:].flatten(3).flatten(0, 1)
    evaluated = torch.bmm(of_tokens[:, :, :OUTPUTS], own)
    evaluated.baddbmm_(of_tokens[:, :, OUTPUTS:], of_next)
    return evaluated.view(rows, heads, _NUM_POINTS, -1, channels)


def _evaluate_back(evaluated: Tensor, places: Tensor) -> None:
    """Write the gradient of tokens from the gradient at the points."""
    rows, heads, _, tiles, width = places.shape
    of_points = _OF_TOKENS.to(places).t().expand(rows * heads, -1, -1)
    both = torch.bmm(of_points, evaluated.flatten(3).flatten(0, 1))
    own, of_next = both.view(rows, heads, _NUM_POINTS, tiles - 1, width).split(OUTPUTS, dim=2)
    places[:, :, :, :-1] = own
    places[:, :, :, -1] = 0
    places[:, :, :_OF_NEXT, 1:] += of_next


class _Convolution(torch.autograd.Function):
    """Maps (row, head, place, tile, tuple · channel) to (row, token, tuple · out).

    There is a tile more before than after, for the tokens that the last tile reads.
    Few rows at a time, one for each thread, stay in the cache when evaluated; gradients
    evaluate them again, which takes no more time than keeping them, and less memory.
    """

    @staticmethod
    def forward(ctx: Any, places: Tensor, weight: Tensor) -> Tensor:
        rows, heads, _, tiles, width = places.shape
        by_head = weight.view(len(weight), heads, -1, KERNEL)
        out, _, channels, _ = by_head.shape
        tiles, tuples = tiles - 1, width // channels
        at_points = torch.einsum("pk,ohck->hpco", _OF_WEIGHTS.to(places), by_head).contiguous()
        ctx.save_for_backward(places, at_points)
        products = places.new_empty(_NUM_POINTS, tiles * tuples, out)
        by_tile = products.view(_NUM_POINTS, tiles, tuples * out).transpose(0, 1)
        to_outputs = _OF_PRODUCTS.to(places).expand(tiles, -1, -1)
        # Not a view of another shape, so that the caller may change it in place.
        result = places.new_empty(rows, tiles * OUTPUTS, tuples * out)
        by_tile_of_row = result.unflatten(1, (tiles, OUTPUTS))
        few = torch.get_num_threads()
        for part, outputs in zip(places.split(few), by_tile_of_row.split(few), strict=True):
            for of_row, into in zip(_evaluate(part, channels), outputs, strict=True):
                torch.bmm(of_row[0], at_points[0], out=products)
                for head in range(1, heads):
                    products.baddbmm_(of_row[head], at_points[head])
                torch.bmm(to_outputs, by_tile, out=into)
        return result

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor]:
        places, at_points = ctx.saved_tensors
        rows, heads = places.shape[:2]
        channels, out = at_points.shape[2:]
        by_place = slopes[0].unflatten(1, (-1, OUTPUTS)).transpose(1, 2).flatten(2)
        from_outputs = _OF_PRODUCTS.to(places).t().expand(rows, -1, -1)
        to_products = torch.bmm(from_outputs, by_place).view(rows, _NUM_POINTS, -1, out)
        to_places, to_at_points = torch.empty_like(places), torch.zeros_like(at_points)
        few = torch.get_num_threads()
        by_few = zip(*(t.split(few) for t in (places, to_products, to_places)), strict=True)
        for part, to_rows, to_part in by_few:
            evaluated = _evaluate(part, channels)
            for of_row, to_row in zip(evaluated, to_rows, strict=True):
                for head in range(heads):
                    to_at_points[head].baddbmm_(of_row[head].transpose(1, 2), to_row)
                    torch.bmm(to_row, at_points[head].transpose(1, 2), out=of_row[head])
            _evaluate_back(evaluated, to_part)
        to_weight = torch.einsum("pk,hpco->ohck", _OF_WEIGHTS.to(places), to_at_points)
        return to_places, to_weight.reshape(out, -1, KERNEL, 1)


def pays(x: Tensor, weight: Tensor) -> bool:
    """Return whether :func:`mix_and_convolve` of these is faster, and precise enough.

    Products must be many: they fall to a third, but every token is evaluated and interpolated,
    in separate calls for every row.
    """
    products = len(weight) * x.shape[1:].numel()
    return x.dtype == torch.float32 and x.device.type == "cpu" and products >= LEAST


def mix_and_convolve(maps: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Mix tokens by the map of every head, and convolve over five, two of padding at each end.

    Args:
        maps: (row, head, token v, token u); token v becomes the sum over u.
        x: (row, channel, token, tuple), channels last.
        weight: (out, head · channel, 5, 1).

    Returns:
        (row, out, token, tuple), channels last.
    """
    rows, heads, tokens, _ = maps.shape
    tuples = x.shape[3]
    tiles = -(-tokens // OUTPUTS) + 1
    padded = F.pad(maps, (0, 0, _PADDING, tiles * OUTPUTS - _PADDING - tokens))
    by_place = padded.unflatten(2, (tiles, OUTPUTS)).transpose(2, 3).reshape(rows, -1, tokens)
    places = by_place @ x.permute(0, 2, 3, 1).flatten(2)
    places = places.view(rows, heads, OUTPUTS, tiles, -1)
    result: Tensor = _Convolution.apply(places, weight)  # type: ignore[no-untyped-call]
    by_tuple: Tensor = result[:, :tokens].unflatten(2, (tuples, -1))
    return by_tuple.contiguous().permute(0, 3, 1, 2)
