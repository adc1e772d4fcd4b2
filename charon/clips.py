"""A batch of clips, as the stream hands them to learners and the memory gives them back."""

from dataclasses import dataclass

import torch
from torch import Tensor

ClipShape = tuple[int, int, int, int]
"""(channel, frame, joint, body) of a whole clip."""


@dataclass(frozen=True)
class Clips:
    """Clips of one length with their labels.

    Attributes:
        x: float32 (clip, channel, frame, joint, body), metres; absent bodies are zeros.
        present: bool (clip, body), which bodies are there; always on the CPU, so that
            the number of rows is known without waiting for a device.
        label: int64 (clip,), the position of the class in the class order.
    """

    x: Tensor
    present: Tensor
    label: Tensor

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: Tensor) -> "Clips":
        """Return the clips at ``rows`` (int64, on the CPU), in that order."""
        # CUDA takes 64 kB or less from ordinary memory at once: the host does not wait for the GPU.
        on_device = rows.to(self.x.device, non_blocking=True)
        return Clips(self.x[on_device], self.present[rows], self.label[on_device])

    def join(self, *others: "Clips") -> "Clips":
        """Return these clips and, after them, those of the others, in order."""
        parts = (self, *others)
        return Clips(
            torch.cat([clips.x for clips in parts]),
            torch.cat([clips.present for clips in parts]),
            torch.cat([clips.label for clips in parts]),
        )

    def to(self, device: torch.device) -> "Clips":
        """Return the clips with ``x`` and ``label`` on ``device``."""
        return Clips(self.x.to(device), self.present, self.label.to(device))
