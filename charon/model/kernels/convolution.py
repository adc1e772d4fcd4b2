"""Convolution of stride 1, alone and with all that a layer has after it.

A batch may be several mini-batches in a row, such as the stream's and the replay's: ``groups``
has the rows of each. Batch norm then takes each group's statistics and moves the running
ones in that order, as forwards of each alone would.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charon.model.kernels.normalisation import leaky_, normalise

FEW = 1_000_000
"""Numbers of a tensor below which a 1x1 convolution is faster as a product of matrices."""
_LEAST_ROWS = 16
"""Rows from which torch takes oneDNN for small kernels, and not a slower way."""


class _Convolution(torch.autograd.Function):
    """``F.conv2d`` whose bias gradient is a plain sum, for which oneDNN takes far longer."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: tuple[int, ...]
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return F.conv2d(x, weight, bias, padding=padding)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wanted = [*ctx.needs_input_grad[:2], False]
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(
            slopes[0], x, weight, None, [1, 1], ctx.padding, [1, 1], False, [0, 0], 1, wanted
        )
        to_bias = slopes[0].sum(dim=(0, 2, 3)) if ctx.needs_input_grad[2] else None
        return to_x, to_weight, to_bias, None


def convolve(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Apply a convolution that has a bias, in the precision of ``x``."""
    assert conv.bias is not None
    weight, bias = conv.weight.to(x.dtype), conv.bias.to(x.dtype)
    if _is_small(x):
        return conv2d(x, weight, bias, padding=conv.padding)
    result: Tensor = _Convolution.apply(x, weight, bias, conv.padding)  # type: ignore[no-untyped-call]
    return result


def convolve_and_normalise(
    conv: nn.Conv2d,
    norm: nn.BatchNorm2d,
    x: Tensor,
    groups: Sequence[int] = (),
    convolving: Callable[..., Tensor] | None = None,
    skip: Tensor | None = None,
) -> Tensor:
    """Apply a convolution, then batch norm, in the precision of ``x``.

    Given a ``skip``, it is added and LeakyReLU applied.

    Training leaves out the convolution's bias: batch statistics take it away again, and its
    gradient is 0. Evaluation folds batch norm into the convolution. ``convolving`` convolves ``x``,
    (row, channel, token, tuple), and is called as torch's is. Nothing else refers to the result,
    of the same axes: it may be changed in place.
    """
    assert conv.bias is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    convolving = convolving or conv2d
    if norm.training:
        z = convolving(x, conv.weight.to(x.dtype), padding=conv.padding)
        return normalise(norm, z, conv.bias.detach(), groups, skip)
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    weight = conv.weight * scale[:, None, None, None]
    bias = (conv.bias - norm.running_mean) * scale + norm.bias
    z = convolving(x, weight.to(x.dtype), bias.to(x.dtype), padding=conv.padding)
    return z if skip is None else leaky_(z.add_(skip))


def _is_small(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.numel() < FEW


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, ...] | str
) -> Tensor:
    """Convolve as ``F.conv2d`` does, of channels-last tensors and an odd kernel."""
    if not _is_small(x):
        return F.conv2d(x, weight, bias, padding=padding)
    last = x.permute(0, 2, 3, 1)
    if weight.shape[2:] == (1, 1):
        return F.linear(last, weight.flatten(1), bias).permute(0, 3, 1, 2)
    if weight.shape[2] == 1 and len(x) < _LEAST_ROWS:
        # Tokens do not meet: each is a row.
        rows, tokens, tuples, channels = last.shape
        by_token = last.reshape(rows * tokens, 1, tuples, channels).permute(0, 3, 1, 2)
        z = F.conv2d(by_token, weight, bias, padding=padding)
        return z.permute(0, 2, 3, 1).view(rows, tokens, tuples, -1).permute(0, 3, 1, 2)
    return F.conv2d(x, weight, bias, padding=padding)
