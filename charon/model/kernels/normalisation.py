"""Batch norm of several mini-batches, and the addition and LeakyReLU after it.

A single operation of autograd: its parts take no longer than torch's own, but small layers are
made of so many that calling them is what takes the time.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_SLOPE = 0.1


def leaky_(x: Tensor) -> Tensor:
    """Apply LeakyReLU in place."""
    return F.leaky_relu_(x, _SLOPE)


class _Normalisation(torch.autograd.Function):
    """Batch norm of each group; then, where there is a skip, the sum with it and LeakyReLU."""

    @staticmethod
    def forward(
        ctx: Any,
        z: Tensor,
        weight: Tensor,
        bias: Tensor,
        skip: Tensor | None,
        groups: Sequence[int],
        running: tuple[Any, ...],
    ) -> Tensor:
        """``running`` has the mean, the variance (both changed), the momentum and ε."""
        mean, var, momentum, eps = running
        result = torch.empty_like(z)
        statistics = []
        for part, into in zip(z.split(groups), result.split(groups), strict=True):
            given = part, weight, bias, mean, var, True, momentum, eps
            if len(groups) == 1:
                result, *moments = torch.native_batch_norm(*given)
            else:
                moments = [weight.new_empty(len(weight)) for _ in range(2)]
                out = dict(zip(("out", "save_mean", "save_invstd"), (into, *moments), strict=True))
                torch.ops.aten.native_batch_norm.out(*given, **out)
            statistics += moments
        if skip is not None:
            leaky_(result.add_(skip))
        ctx.save_for_backward(z, result if skip is not None else None, weight, *statistics)
        ctx.groups, ctx.eps = groups, eps
        return result

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        z, result, weight, *statistics = ctx.saved_tensors
        (slope,) = slopes
        if result is not None:
            slope = torch.ops.aten.leaky_relu_backward(slope, result, _SLOPE, True)
        parts = zip(
            slope.split(ctx.groups),
            z.split(ctx.groups),
            statistics[::2],
            statistics[1::2],
            strict=True,
        )
        to_z, to_weight, to_bias = zip(
            *(
                torch.ops.aten.native_batch_norm_backward(
                    s, part, weight, None, None, mean, inverse, True, ctx.eps, [True, True, True]
                )
                for s, part, mean, inverse in parts
            ),
            strict=True,
        )
        to_skip = slope if result is not None else None
        whole = torch.cat(to_z) if len(to_z) > 1 else to_z[0]
        return whole, _total(to_weight), _total(to_bias), to_skip, None, None


def _total(parts: Sequence[Tensor]) -> Tensor:
    return sum(parts[1:], start=parts[0])


def normalise(
    norm: nn.BatchNorm2d,
    z: Tensor,
    offset: Tensor,
    groups: Sequence[int] = (),
    skip: Tensor | None = None,
) -> Tensor:
    """Normalise ``z + offset`` by its own statistics, and move the running ones.

    ``z`` is (row, channel, token, tuple) in any precision, ``offset`` (channel,), which batch
    statistics take away again; where ``skip`` is given, it is added and LeakyReLU applied.
    """
    assert norm.running_mean is not None
    moves = norm.track_running_stats
    mean, var = (norm.running_mean - offset, norm.running_var) if moves else (None, None)
    running = mean, var, norm.momentum or 0.0, norm.eps
    if z.device.type == "cpu":
        given = z, norm.weight, norm.bias, skip, list(groups) or [len(z)], running
        result: Tensor = _Normalisation.apply(*given)  # type: ignore[no-untyped-call]
    else:
        parts = [
            F.batch_norm(part, mean, var, norm.weight, norm.bias, True, *running[2:])
            for part in (z.split(list(groups)) if len(groups) > 1 else [z])
        ]
        result = torch.cat(parts) if len(parts) > 1 else parts[0]
        result = result if skip is None else leaky_(result.add_(skip))
    if mean is not None:
        norm.running_mean.copy_(mean + offset)
    return result
