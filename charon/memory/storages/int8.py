"""Eight bits a number, in steps of a scale that each kept pose has."""

from typing import ClassVar

import torch
from torch import Tensor

from charon.memory.storage import Storage

LARGEST = 127
"""Magnitude of a packed number: one of 255 steps, evenly around 0."""


class Int8(Storage):
    """1 byte a number, and 2 for the scale of each kept pose.

    A pose is what is kept at one place in time of one body; coefficients, which fall quickly,
    need a scale each. A number is off by half a step at most: a 254th of the pose's largest.
    """

    num_parts: ClassVar[int] = 2
    description: ClassVar[str] = "int8"

    def pack(self, values: Tensor) -> tuple[Tensor, ...]:
        """Return int8 steps of the shape of ``values`` and float16 scales (clip, kept, body)."""
        scale = (values.abs().amax(dim=(1, 3)) / LARGEST).half()
        steps = values / scale.float()[:, None, :, None]
        # Where a pose is zero, so is its scale.
        steps = steps.nan_to_num(0.0).round().clamp(-LARGEST, LARGEST)
        return steps.to(torch.int8), scale

    def unpack(self, parts: tuple[Tensor, ...]) -> Tensor:
        """Return the numbers in float32."""
        steps, scale = parts
        return steps.float() * scale.float()[:, None, :, None]
