"""One layer of the backbone: attention inside tuples, then convolution across them.

Tensors are (row, channel, token, tuple) in channels-last memory: a row is then a matrix of
tokens by (tuple, channel), which attention mixes in one product and convolution reads as is.

Source: CHARON, Sec. 3.1 and Table A; STTFormer (Qiu et al., 2022) for the layer itself.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charon.model.kernels import winograd
from charon.model.layers import Skip, convolve, convolve_and_normalise, leaky_

Attention = Literal["softmax", "tanh"]

NUM_HEADS = 3


class _Products(torch.autograd.Function):
    """Keys times queries; the gradients of both are written into one tensor, as they came."""

    @staticmethod
    def forward(ctx: Any, both: Tensor) -> Tensor:
        query, key = (part.flatten(-2) for part in _parts(both))
        ctx.save_for_backward(query, key)
        ctx.shape = both.shape
        return key @ query.transpose(-1, -2)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        query, key = ctx.saved_tensors
        to_both: Tensor = query.new_empty(ctx.shape)
        to_query, to_key = _parts(to_both)
        to_query.copy_((slopes[0].transpose(-1, -2) @ key).view(to_query.shape))
        to_key.copy_((slopes[0] @ query).view(to_key.shape))
        return to_both


def _parts(both: Tensor) -> tuple[Tensor, Tensor]:
    """View what is two parts, of heads, in its channels: (row, head, token, tuple, channel)."""
    query, key = both.unflatten(-1, (2, NUM_HEADS, -1)).permute(3, 0, 4, 1, 2, 5)
    return query, key


def products(both: Tensor) -> Tensor:
    """Return the product of every key and every query: (row, head, token of key, of query).

    Args:
        both: queries and keys of every head, (row, token, tuple, 2 · head · channel).
    """
    result: Tensor = _Products.apply(both)  # type: ignore[no-untyped-call]
    return result


class TupleAttention(nn.Module):
    """The maps by which the tokens of a tuple are mixed: one a row and head.

    A map is computed from all tuples of a row at once and applied to the input itself:
    there is no value projection.

    Args:
        in_channels: channels of the input.
        qk_channels: channels of a query or key, per head.
        num_tokens: tokens of a tuple (frames per tuple x joints).
        kind: ``"softmax"`` with a learned scale and offset a head, or ``"tanh"`` with a
            learned offset a pair of tokens, as in STTFormer.
    """

    def __init__(
        self, in_channels: int, qk_channels: int, num_tokens: int, kind: Attention
    ) -> None:
        super().__init__()
        self.qk_channels = qk_channels
        self.kind = kind
        self.to_query_key = nn.Conv2d(in_channels, 2 * NUM_HEADS * qk_channels, 1)
        self.scale = nn.Parameter(torch.empty(1, NUM_HEADS, 1, 1))
        side = num_tokens if kind == "tanh" else 1
        self.offset = nn.Parameter(torch.empty(1, NUM_HEADS, side, side))
        self.offset_start = 1.0 / num_tokens

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps, (row, head, token v, token u); a softmax sums to 1 over v.

        Token v becomes the sum over u: the map is what the tokens are multiplied by.

        Args:
            x: (row, channel, token, tuple).
        """
        tuples = x.shape[3]
        query_key = convolve(self.to_query_key, x).permute(0, 2, 3, 1)
        scale, offset = self.scale.to(x.dtype), self.offset.to(x.dtype).transpose(-1, -2)
        scores = products(query_key) / (self.qk_channels * tuples)
        if self.kind == "tanh":
            return scores.tanh() * scale + offset
        return (scores * scale + offset).softmax(dim=-2)


def mix_and_convolve(
    maps: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: list[int]
) -> Tensor:
    """Mix tokens by the map of every head and convolve, heads beside their channels.

    By the faster way of two: :mod:`charon.model.kernels.winograd` is the other one.

    Args:
        maps: (row, head, token, token).
        x: (row, channel, token, tuple).
        weight: (out, head · channel, 5, 1).
        bias: (out).
        padding: two tokens at either end.

    Returns:
        (row, out, token, tuple).
    """
    if winograd.pays(x, weight):
        z = winograd.mix_and_convolve(maps, x, weight)
        return z if bias is None else z.add_(bias[:, None, None])
    rows, channels, tokens, tuples = x.shape
    to_mixed = maps.view(rows, NUM_HEADS * tokens, tokens)
    mixed = to_mixed @ x.permute(0, 2, 3, 1).reshape(rows, tokens, tuples * channels)
    heads = mixed.view(rows, NUM_HEADS, tokens, tuples, channels)
    beside = heads.permute(0, 2, 3, 1, 4).flatten(-2).permute(0, 3, 1, 2)
    return F.conv2d(beside, weight, bias, padding=padding)


class TupleBlock(nn.Module):
    """Attention inside tuples, a feed-forward, and aggregation of neighbouring tuples.

    Args:
        in_channels, out_channels: channels before and after.
        qk_channels: channels of a query or key, per head.
        num_tokens: tokens of a tuple.
        attention: see :class:`TupleAttention`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        qk_channels: int,
        num_tokens: int,
        attention: Attention = "softmax",
    ) -> None:
        super().__init__()
        out = self.out_channels = out_channels
        self.mix = TupleAttention(in_channels, qk_channels, num_tokens, attention)
        self.project = nn.Conv2d(NUM_HEADS * in_channels, out, (5, 1), padding=(2, 0))
        self.project_norm = nn.BatchNorm2d(out)
        self.feed = nn.Conv2d(out, out, 1)
        self.feed_norm = nn.BatchNorm2d(out)
        self.across = nn.Conv2d(out, out, (1, 3), padding=(0, 1))
        self.across_norm = nn.BatchNorm2d(out)
        is_learned = in_channels != out
        self.within_skip = Skip(in_channels, out, is_learned)
        self.across_skip = Skip(out, out, is_learned)

    def forward(self, x: Tensor, groups: Sequence[int] = ()) -> Tensor:
        """Map (row, in_channels, token, tuple) to (row, out_channels, token, tuple).

        Args:
            x: the rows.
            groups: rows of each mini-batch in ``x``, see :mod:`charon.model.layers`.
        """
        skip = self.within_skip(x, groups)
        z = convolve_and_normalise(
            self.project, self.project_norm, x, groups, partial(mix_and_convolve, self.mix(x))
        )
        z = leaky_(z.add_(skip))
        z = leaky_(convolve_and_normalise(self.feed, self.feed_norm, z, groups).add_(skip))
        skip = self.across_skip(z, groups)
        return leaky_(convolve_and_normalise(self.across, self.across_norm, z, groups).add_(skip))
