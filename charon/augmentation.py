"""The augmentation of training clips: one random rotation about the origin a clip.

Source: CHARON Sec. 4.2; STTFormer's own augmentation.
"""

from dataclasses import replace

import torch
from torch import Tensor

from charon.clips import Clips


class RandomRotation:
    """Turns each clip by Rz·Ry·Rx with three angles drawn from U(-limit, limit).

    All frames and both bodies of a clip turn together. Clips with two coordinates turn in
    their plane, by the angle about z; a channel after them, the score of a joint, stays.

    Args:
        limit: radians, at least 0; 0 leaves clips as they are but draws all the same, so
            that the other draws of a run do not move.
        generator: CPU generator; its state belongs to a checkpoint.
        num_coordinates: channels that are coordinates, the first two or three; all if None.
    """

    def __init__(
        self, limit: float, generator: torch.Generator, num_coordinates: int | None = None
    ) -> None:
        self.limit = limit
        self.generator = generator
        self.num_coordinates = num_coordinates

    def __call__(self, clips: Clips) -> Clips:
        """Return the clips, rotated."""
        angles = (torch.rand(len(clips), 3, generator=self.generator) * 2 - 1) * self.limit
        num_channels = clips.x.shape[1]
        if (self.num_coordinates or num_channels) == 2:
            angles[:, :2] = 0.0
        turns = rotation_matrices(angles)[:, :num_channels, :num_channels]
        turns = turns.to(clips.x.device, clips.x.dtype, non_blocking=True)
        return replace(clips, x=torch.bmm(turns, clips.x.flatten(2)).view(clips.x.shape))


def rotation_matrices(angles: Tensor) -> Tensor:
    """Return Rz·Ry·Rx, (n, 3, 3), for angles about x, y and z in radians, (n, 3)."""
    (cx, cy, cz), (sx, sy, sz) = angles.cos().unbind(1), angles.sin().unbind(1)
    # The upper two rows at once: they differ by a quarter turn about z.
    along, across = torch.stack([cz, sz]), torch.stack([-sz, cz])
    tilted = along * sy
    upper = along * cy, tilted * sx + across * cx, tilted * cx - across * sx
    lower = torch.stack([-sy, cy * sx, cy * cx])
    return torch.cat([torch.stack(upper, dim=1), lower[None]]).permute(2, 0, 1)
