"""Small layers that blocks share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charon.model.kernels import convolve_and_normalise

Precision = Literal["fp32", "bf16"]


class Skip(nn.ModuleList):
    """The way around a layer: its input, or a learned map of it."""

    def __init__(self, in_channels: int, out_channels: int, is_learned: bool) -> None:
        steps = [nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels)]
        super().__init__(steps if is_learned else [])

    def forward(self, x: Tensor, groups: Sequence[int] = ()) -> Tensor:
        """Map (row, in_channels, token, tuple) to (row, out_channels, token, tuple)."""
        if not len(self):
            return x
        conv, norm = self
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        return convolve_and_normalise(conv, norm, x, groups)


def lowered(x: Tensor, precision: Precision) -> Tensor:
    """Return ``x`` in the precision that layers compute with."""
    return x.to(torch.bfloat16) if precision == "bf16" else x


def leaky_(x: Tensor) -> Tensor:
    """Apply LeakyReLU in place."""
    return F.leaky_relu_(x, 0.1)


@contextmanager
def frozen_statistics(network: nn.Module) -> Iterator[None]:
    """Keep running statistics as they are, while batches are normalised by their own."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
