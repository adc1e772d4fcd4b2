"""Tuples: runs of adjacent frames, whose joints are the tokens of attention.

Source: CHARON eq. 3; METHOD: token index = frame inside the tuple x joints + joint.
"""

import math

import torch
from torch import Tensor, nn


def to_tuples(x: Tensor, frames_per_tuple: int) -> Tensor:
    """Regroup (row, channel, frame, joint) into (row, channel, token, tuple).

    The number of frames must be a multiple of ``frames_per_tuple``.
    """
    rows, channels, frames, joints = x.shape
    tuples = x.reshape(rows, channels, frames // frames_per_tuple, frames_per_tuple * joints)
    return tuples.transpose(2, 3).contiguous(memory_format=torch.channels_last)


def to_frames(x: Tensor, frames_per_tuple: int) -> Tensor:
    """Undo :func:`to_tuples`."""
    rows, channels, tokens, tuples = x.shape
    frames = x.transpose(2, 3)
    return frames.reshape(rows, channels, tuples * frames_per_tuple, tokens // frames_per_tuple)


def sinusoidal_code(num_channels: int, num_positions: int) -> Tensor:
    """Return the fixed positional code, float32 (channel, position).

    Channel pair i has frequency ``exp(-2i · ln 10000 / num_channels)``; even channels are
    sines, odd ones cosines.
    """
    pair = torch.arange((num_channels + 1) // 2, dtype=torch.float64)
    frequency = torch.exp(-2 * pair * math.log(10000.0) / num_channels)
    angle = frequency[:, None] * torch.arange(num_positions, dtype=torch.float64)
    code = torch.stack([angle.sin(), angle.cos()], dim=1).flatten(0, 1)
    return code[:num_channels].to(torch.float32)


class PositionalCode(nn.Module):
    """Adds the fixed code of a token's place in its tuple, equal for all tuples.

    With ``of_time`` it also adds a code of the tuple's index (not in the paper).
    """

    tokens: Tensor
    tuples: Tensor

    def __init__(self, num_channels: int, num_tuples: int, num_tokens: int, of_time: bool) -> None:
        super().__init__()
        self.of_time = of_time
        # Derived, so no checkpoint holds them; channels last, as what they are added to.
        self.register_buffer("tokens", torch.empty(num_tokens, num_channels).t(), persistent=False)
        self.register_buffer("tuples", torch.empty(num_tuples, num_channels).t(), persistent=False)

    def reset(self) -> None:
        """Compute the codes."""
        self.tokens.copy_(sinusoidal_code(*self.tokens.shape))
        self.tuples.copy_(sinusoidal_code(*self.tuples.shape))

    def forward(self, x: Tensor) -> Tensor:
        """Add the code to (row, channel, token, tuple)."""
        x = x + self.tokens.to(x.dtype)[None, :, :, None]
        if self.of_time:
            x = x + self.tuples.to(x.dtype)[None, :, None, : x.shape[3]]
        return x
