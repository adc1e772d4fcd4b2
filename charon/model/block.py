"""A layer of the paper's backbone: attention inside tuples, then convolution across them.

Tensors are (row, channel, token, tuple) in channels-last memory: a row is then a matrix of
tokens by (tuple, channel), which attention mixes by a single product and convolution reads as is.

Source: CHARON, Sec. 3.1 and Table A; STTFormer (Qiu et al., 2022) for the layer itself.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charon.model.kernels import (
    conv2d,
    convolve,
    convolve_and_normalise,
    key_query_products,
    mix_and_convolve,
)
from charon.model.masking import Places

Attention = Literal["softmax", "tanh"]

NUM_HEADS = 3
"""Of a block, in Table A."""


def leaky_(x: Tensor) -> Tensor:
    """Apply LeakyReLU in place."""
    return F.leaky_relu_(x, 0.1)


class Skip(nn.ModuleList):
    """The way around a layer: its input, or a learned map of it."""

    def __init__(self, in_channels: int, out_channels: int, is_learned: bool) -> None:
        steps = [nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels)]
        super().__init__(steps if is_learned else [])

    def forward(
        self, x: Tensor, groups: Sequence[int] = (), places: Places | None = None
    ) -> Tensor:
        """Map (row, in_channels, token, tuple) to (row, out_channels, token, tuple)."""
        if not len(self):
            return x if places is None else places.fill(x)
        conv, norm = self
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        return convolve_and_normalise(conv, norm, x, groups, _then_fill(conv2d, places))


def _then_fill(convolving: Callable[..., Tensor], places: Places | None) -> Callable[..., Tensor]:
    """Return a convolution that acts on each tuple alone, and then makes rows whole."""
    if places is None:
        return convolving
    return lambda *given, **more: places.fill(convolving(*given, **more))


class TupleAttention(nn.Module):
    """The maps that mix the tokens of a tuple, one for each row and head.

    A map is computed from all tuples of a row and applied to the input itself: there is no
    value projection. A query or key has ``qk_channels`` in each head; a tuple has
    ``num_tokens``, frames per tuple x joints. The kind ``"softmax"`` has a learned scale and
    offset for each head, ``"tanh"`` a learned offset for each pair of tokens, as in STTFormer.
    """

    def __init__(
        self,
        in_channels: int,
        qk_channels: int,
        num_tokens: int,
        kind: Attention,
        num_heads: int = NUM_HEADS,
    ) -> None:
        super().__init__()
        self.qk_channels = qk_channels
        self.kind = kind
        self.num_heads = num_heads
        self.to_query_key = nn.Conv2d(in_channels, 2 * num_heads * qk_channels, 1)
        self.scale = nn.Parameter(torch.empty(1, num_heads, 1, 1))
        side = num_tokens if kind == "tanh" else 1
        self.offset = nn.Parameter(torch.empty(1, num_heads, side, side))
        self.offset_start = 1.0 / num_tokens

    def reset(self) -> None:
        """Set scale and offset to where they start."""
        self.scale.fill_(1.0)
        self.offset.fill_(self.offset_start)

    def forward(self, x: Tensor, last_counts: int = 1) -> Tensor:
        """Return the maps, (row, head, token v, token u); a softmax sums to 1 over v.

        Mixed, token v is the sum over u of the tokens u weighted by the map. The last tuple
        counts ``last_counts`` times.
        """
        tuples = x.shape[3] - 1 + last_counts
        query_key = convolve(self.to_query_key, x).permute(0, 2, 3, 1)
        scale, offset = self.scale.to(x.dtype), self.offset.to(x.dtype).transpose(-1, -2)
        products = key_query_products(query_key, self.num_heads, last_counts)
        scores = products / (self.qk_channels * tuples)
        if self.kind == "tanh":
            return scores.tanh() * scale + offset
        return (scores * scale + offset).softmax(dim=-2)


class TupleBlock(nn.Module):
    """Attention inside tuples, a feed-forward, and aggregation of neighbouring tuples."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        qk_channels: int,
        num_tokens: int,
        attention: Attention = "softmax",
        num_heads: int = NUM_HEADS,
    ) -> None:
        super().__init__()
        out = out_channels
        self.mix = TupleAttention(in_channels, qk_channels, num_tokens, attention, num_heads)
        self.project = nn.Conv2d(num_heads * in_channels, out, (5, 1), padding=(2, 0))
        self.project_norm = nn.BatchNorm2d(out)
        self.feed = nn.Conv2d(out, out, 1)
        self.feed_norm = nn.BatchNorm2d(out)
        self.across = nn.Conv2d(out, out, (1, 3), padding=(0, 1))
        self.across_norm = nn.BatchNorm2d(out)
        is_learned = in_channels != out
        self.within_skip = Skip(in_channels, out, is_learned)
        self.across_skip = Skip(out, out, is_learned)

    def forward(
        self, x: Tensor, groups: Sequence[int] = (), places: Places | None = None
    ) -> Tensor:
        """Map (row, in_channels, token, tuple) to (row, out_channels, token, tuple).

        ``groups`` has the rows of each mini-batch, see :mod:`charon.model.kernels.convolution`;
        with ``places``, ``x`` has the kept tuples and a hidden one of rows that become whole.
        """
        skip = self.within_skip(x, groups, places)
        maps = self.mix(x) if places is None else self.mix(x, places.num_hidden)
        project = _then_fill(partial(mix_and_convolve, maps), places)
        z = convolve_and_normalise(self.project, self.project_norm, x, groups, project)
        z = leaky_(z.add_(skip))
        z = leaky_(convolve_and_normalise(self.feed, self.feed_norm, z, groups).add_(skip))
        skip = self.across_skip(z, groups)
        return leaky_(convolve_and_normalise(self.across, self.across_norm, z, groups).add_(skip))
