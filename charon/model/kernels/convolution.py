"""Convolution of stride 1, alone and with batch norm after it.

A batch may be several mini-batches in a row, such as the stream's and the replay's: ``groups``
has the rows of each. Batch norm then takes each group's statistics and moves the running
ones in that order, as forwards of each alone would.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEW = 1_000_000
"""Numbers of a tensor below which, on a CPU, a 1x1 convolution is a product of matrices."""


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


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: tuple[int, ...] | str
) -> Tensor:
    """Convolve as ``F.conv2d`` does; the fastest way of small channels-last tensors."""
    if _is_product(x, weight):
        return F.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2)
    return F.conv2d(x, weight, bias, padding=padding)


def _is_product(x: Tensor, weight: Tensor) -> bool:
    return x.device.type == "cpu" and x.numel() < FEW and weight.shape[2:] == (1, 1)


def convolve(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Apply a convolution that has a bias, in the precision of ``x``."""
    assert conv.bias is not None
    weight, bias = conv.weight.to(x.dtype), conv.bias.to(x.dtype)
    if _is_product(x, weight):
        return conv2d(x, weight, bias, padding=conv.padding)
    result: Tensor = _Convolution.apply(x, weight, bias, conv.padding)  # type: ignore[no-untyped-call]
    return result


def convolve_and_normalise(
    conv: nn.Conv2d,
    norm: nn.BatchNorm2d,
    x: Tensor,
    groups: Sequence[int] = (),
    convolving: Callable[..., Tensor] = conv2d,
) -> Tensor:
    """Apply a convolution, then batch norm, in the precision of ``x``.

    Training leaves out the convolution's bias: batch statistics take it away again, and its
    gradient is 0. Evaluation folds batch norm into the convolution. ``convolving`` convolves
    ``x``, (row, channel, token, tuple), and is called as torch's is. Nothing else refers to the
    result, of the same axes: it may be changed in place.
    """
    assert conv.bias is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    if not norm.training:
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        weight = conv.weight * scale[:, None, None, None]
        bias = (conv.bias - norm.running_mean) * scale + norm.bias
        return convolving(x, weight.to(x.dtype), bias.to(x.dtype), padding=conv.padding)
    z = convolving(x, conv.weight.to(x.dtype), padding=conv.padding)
    return _normalise(norm, z, groups, conv.bias.detach())


def normalise(norm: nn.BatchNorm2d, x: Tensor, groups: Sequence[int] = ()) -> Tensor:
    """Apply batch norm in the precision of ``x``; nothing else refers to the result."""
    if norm.training:
        return _normalise(norm, x, groups)
    mean, var = norm.running_mean, norm.running_var
    return F.batch_norm(x, mean, var, norm.weight, norm.bias, False, 0.0, norm.eps)


def _normalise(
    norm: nn.BatchNorm2d, x: Tensor, groups: Sequence[int], bias: Tensor | None = None
) -> Tensor:
    """Normalise each group by its own statistics; the running mean is that of ``x + bias``."""
    assert norm.running_mean is not None
    bias = torch.zeros_like(norm.running_mean) if bias is None else bias
    moves = norm.track_running_stats
    mean, var = (norm.running_mean - bias, norm.running_var) if moves else (None, None)
    parts = [
        F.batch_norm(part, mean, var, norm.weight, norm.bias, True, norm.momentum or 0.0, norm.eps)
        for part in (x.split(list(groups)) if len(groups) > 1 else [x])
    ]
    if mean is not None:
        norm.running_mean.copy_(mean + bias)
    return torch.cat(parts) if len(parts) > 1 else parts[0]
