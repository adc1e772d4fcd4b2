"""Convolution over five tokens to few channels, as a product of matrices.

oneDNN computes as many output channels at once as a vector register has numbers; with fewer it
leaves a part empty. A single product of all tokens by the weights of all five taps, beside one
another, does not; what is left is to add the taps of neighbouring tokens.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

MOST_OUTPUTS = 8
"""Channels after, up to which it is faster: half a register of AVX-512."""
KERNEL = 5
_PADDING = KERNEL // 2


class _Convolution(torch.autograd.Function):
    """Maps (row, token, tuple, channel) to (row, token, tuple, out)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        rows, tokens, tuples, channels = x.shape
        flat, by_tap = x.reshape(-1, channels), _by_tap(weight)
        ctx.save_for_backward(flat, by_tap)
        taps = (flat @ by_tap).view(rows, tokens, tuples, KERNEL, -1)
        result = taps[:, :, :, _PADDING].contiguous()
        for tap in range(KERNEL):
            shift = tap - _PADDING
            first, last = max(0, -shift), tokens - max(0, shift)
            if shift != 0 and first < last:
                result[:, first:last] += taps[:, first + shift : last + shift, :, -1 - tap]
        return result

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor]:
        flat, by_tap = ctx.saved_tensors
        rows, tokens, tuples, out = slopes[0].shape
        padded = F.pad(slopes[0], (0, 0, 0, 0, _PADDING, _PADDING))
        to_taps = padded.unfold(1, KERNEL, 1).transpose(3, 4).reshape(-1, KERNEL * out)
        to_x = (to_taps @ by_tap.t()).view(rows, tokens, tuples, -1)
        to_weight = (flat.t() @ to_taps).view(-1, KERNEL, out).permute(2, 0, 1).unsqueeze(-1)
        return to_x, to_weight.flip(2)


def _by_tap(weight: Tensor) -> Tensor:
    """Bring (out, channel, tap, 1) to (channel, tap · out), the last tap first.

    In this order, the taps that reach a token from its neighbours lie as the neighbours do.
    """
    return weight.flip(2).squeeze(-1).permute(1, 2, 0).flatten(1)


def pays(x: Tensor, weight: Tensor) -> bool:
    """Return whether :func:`convolve` of these is faster."""
    return x.device.type == "cpu" and x.dtype != torch.bfloat16 and len(weight) <= MOST_OUTPUTS


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """Convolve over tokens, two of padding at each end.

    Args:
        x: (row, channel, token, tuple), channels last.
        weight: (out, channel, 5, 1).

    Returns:
        (row, out, token, tuple), channels last.
    """
    result: Tensor = _Convolution.apply(x.permute(0, 2, 3, 1), weight)  # type: ignore[no-untyped-call]
    return result.permute(0, 3, 1, 2)
