"""The products of attention inside tuples: keys by queries, and maps by tokens."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from charon.model.kernels import winograd


class _Products(torch.autograd.Function):
    """Keys times queries; the gradients of both are written into a tensor laid out as theirs."""

    @staticmethod
    def forward(ctx: Any, query_key: Tensor, num_heads: int, last_counts: int) -> Tensor:
        query, key = (part.contiguous() for part in _parts(query_key, num_heads))
        if last_counts != 1:
            key[..., -1, :] *= last_counts
        query, key = query.flatten(-2), key.flatten(-2)
        ctx.save_for_backward(query, key)
        ctx.shape, ctx.num_heads, ctx.last_counts = query_key.shape, num_heads, last_counts
        return key @ query.transpose(-1, -2)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        query, key = ctx.saved_tensors
        slope: Tensor = query.new_empty(ctx.shape)
        to_query, to_key = _parts(slope, ctx.num_heads)
        to_query.copy_((slopes[0].transpose(-1, -2) @ key).view(to_query.shape))
        to_key.copy_((slopes[0] @ query).view(to_key.shape))
        if ctx.last_counts != 1:
            to_key[..., -1, :] *= ctx.last_counts
        return slope, None, None


def _parts(query_key: Tensor, num_heads: int) -> tuple[Tensor, Tensor]:
    """View the queries and the keys of all heads, (row, head, token, tuple, channel)."""
    parts = query_key.unflatten(-1, (2, num_heads, -1))
    query, key = parts.permute(3, 0, 4, 1, 2, 5)
    return query, key


def key_query_products(query_key: Tensor, num_heads: int, last_counts: int = 1) -> Tensor:
    """Return the product of every key and every query: (row, head, token of key, of query).

    ``query_key`` is (row, token, tuple, 2 · head · channel), the queries of all heads first. The
    last tuple counts ``last_counts`` times.
    """
    result: Tensor = _Products.apply(query_key, num_heads, last_counts)  # type: ignore[no-untyped-call]
    return result


def mix_and_convolve(
    maps: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, ...]
) -> Tensor:
    """Mix tokens by the map of every head and convolve, heads beside their channels.

    Takes the faster of two ways: directly, or by :func:`winograd.mix_and_convolve`, which
    describes the tensors.
    """
    if winograd.pays(x, weight):
        z = winograd.mix_and_convolve(maps, x, weight)
        return z if bias is None else z.add_(bias[:, None, None])
    return F.conv2d(mix_tokens(maps, x), weight, bias, padding=padding)


def mix_tokens(maps: Tensor, x: Tensor) -> Tensor:
    """Mix tokens by the map of every head, heads beside their channels.

    Args:
        maps: (row, head, token v, token u); token v becomes the sum over u.
        x: (row, channel, token, tuple), channels last.

    Returns:
        (row, head · channel, token, tuple), channels last.
    """
    num_heads = maps.shape[1]
    rows, channels, tokens, tuples = x.shape
    to_mixed = maps.view(rows, num_heads * tokens, tokens)
    mixed = to_mixed @ x.permute(0, 2, 3, 1).reshape(rows, tokens, tuples * channels)
    heads = mixed.view(rows, num_heads, tokens, tuples, channels)
    return heads.permute(0, 2, 3, 1, 4).flatten(-2).permute(0, 3, 1, 2)
