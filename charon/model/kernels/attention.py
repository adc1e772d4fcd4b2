"""The products of attention inside tuples: keys by queries, and maps by tokens."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from charon.model.kernels import narrow, winograd


class _Products(torch.autograd.Function):
    """Keys times queries, (row · head, token of key, of query)."""

    @staticmethod
    def forward(ctx: Any, query_key: Tensor, num_heads: int, last_counts: int) -> Tensor:
        query, key = _queries_and_keys(query_key, num_heads, last_counts)
        ctx.save_for_backward(query, key)
        ctx.shape, ctx.last_counts = query_key.shape, last_counts
        return torch.bmm(key, query.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        return _to_query_key(ctx, slopes[0], *ctx.saved_tensors), None, None


class _SoftmaxMaps(torch.autograd.Function):
    """The softmax over keys of products, divided, scaled and offset: a single operation."""

    @staticmethod
    def forward(
        ctx: Any,
        query_key: Tensor,
        scale: Tensor,
        offset: Tensor,
        last_counts: int,
        divisor: int,
    ) -> Tensor:
        num_heads, tokens = scale.shape[1], query_key.shape[1]
        query, key = _queries_and_keys(query_key, num_heads, last_counts)
        products = torch.bmm(key, query.transpose(1, 2)).div_(divisor)
        products = products.view(-1, num_heads, tokens, tokens)
        maps = (products * scale).add_(offset).softmax(dim=-2)
        ctx.save_for_backward(query, key, products, maps, scale)
        ctx.shape, ctx.last_counts, ctx.divisor = query_key.shape, last_counts, divisor
        return maps

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        query, key, products, maps, scale = ctx.saved_tensors
        softmax_back = torch.ops.aten._softmax_backward_data
        slope = softmax_back(slopes[0].contiguous(), maps, -2, maps.dtype)
        to_offset = slope.sum(dim=(0, 2, 3), keepdim=True)
        to_scale = (slope * products).sum(dim=(0, 2, 3), keepdim=True)
        slope = slope.mul_(scale).div_(ctx.divisor).flatten(0, 1)
        return _to_query_key(ctx, slope, query, key), to_scale, to_offset, None, None


def _queries_and_keys(query_key: Tensor, num_heads: int, last_counts: int) -> Tensor:
    """Return the queries and the keys of all heads: (2, row · head, token, tuple · channel).

    The last tuple's keys are multiplied by the times that it counts.
    """
    by_kind: Tensor = query_key.unflatten(-1, (2, num_heads, -1))
    parts = by_kind.permute(3, 0, 4, 1, 2, 5).contiguous()
    if last_counts != 1:
        parts[1, ..., -1, :] *= last_counts
    return parts.flatten(4).flatten(1, 2)


def _to_query_key(ctx: Any, slope: Tensor, query: Tensor, key: Tensor) -> Tensor:
    """Return the gradient of queries and keys, laid out as they are."""
    rows, _, tuples, _ = ctx.shape
    both = query.new_empty(2, *query.shape)
    torch.bmm(slope.transpose(1, 2), key, out=both[0])
    torch.bmm(slope, query, out=both[1])
    parts: Tensor = both.unflatten(3, (tuples, -1)).unflatten(1, (rows, -1))
    if ctx.last_counts != 1:
        parts[1, ..., -1, :] *= ctx.last_counts
    return parts.permute(1, 3, 4, 0, 2, 5).reshape(ctx.shape)


def key_query_products(query_key: Tensor, num_heads: int, last_counts: int = 1) -> Tensor:
    """Return the product of every key and every query: (row, head, token of key, of query).

    ``query_key`` is (row, token, tuple, 2 · head · channel), the queries of all heads first. The
    last tuple counts ``last_counts`` times.
    """
    products: Tensor = _Products.apply(query_key, num_heads, last_counts)  # type: ignore[no-untyped-call]
    by_head: Tensor = products.unflatten(0, (-1, num_heads))
    return by_head


def softmax_maps(
    query_key: Tensor, scale: Tensor, offset: Tensor, divisor: int, last_counts: int = 1
) -> Tensor:
    """Return the softmax over keys of the products, scaled: (row, head, token of key, of query).

    Products are those of :func:`key_query_products`, divided by ``divisor``; ``scale`` and
    ``offset`` are (1, head, 1, 1).
    """
    given = query_key, scale, offset, last_counts, divisor
    maps: Tensor = _SoftmaxMaps.apply(*given)  # type: ignore[no-untyped-call]
    return maps


def mix_and_convolve(
    maps: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, ...]
) -> Tensor:
    """Mix tokens by the map of every head and convolve, heads beside their channels.

    Takes the fastest of three ways: directly, by :func:`winograd.mix_and_convolve`, which
    describes the tensors, or with :func:`narrow.convolve`.
    """
    if winograd.pays(x, weight):
        z = winograd.mix_and_convolve(maps, x, weight)
        return z if bias is None else z.add_(bias[:, None, None])
    num_heads = maps.shape[1]
    rows, channels, tokens, tuples = x.shape
    to_mixed = maps.view(rows, num_heads * tokens, tokens)
    mixed = torch.bmm(to_mixed, x.permute(0, 2, 3, 1).reshape(rows, tokens, tuples * channels))
    heads = mixed.view(rows, num_heads, tokens, tuples, channels)
    beside = heads.permute(0, 2, 3, 1, 4).flatten(-2).permute(0, 3, 1, 2)
    if narrow.pays(beside, weight):
        z = narrow.convolve(beside, weight)
        return z if bias is None else z + bias[:, None, None]
    return F.conv2d(beside, weight, bias, padding=padding)
