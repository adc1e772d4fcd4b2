"""Thinning: store every s-th frame of a clip, rebuild the others by interpolation.

Source: CHARON Sec. 3.2, "Efficient buffer", eq. 10.
"""

from functools import cache
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from charon.memory.codec import Rebuild, TemporalCodec


@cache
def _neighbours(
    num_frames: int, interval: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the stored frames before and after each frame, and how near the later one is."""
    frame = torch.arange(num_frames, device=device)
    before = frame // interval
    after = (before + 1).clamp(max=(num_frames - 1) // interval)
    return before, after, (frame % interval).to(dtype) / interval


class Thinned(TemporalCodec):
    """Stores frames 0, s, 2s, ...

    ``rebuild="linear"`` interpolates between the true positions of the stored frames and
    holds the last one, so that stored frames come back unchanged. ``"resize"`` stretches
    them over the clip as image resizing does, as the released code has it: everything comes
    (s-1)/2 frames late.
    """

    rebuilds: ClassVar[tuple[Rebuild, ...]] = ("linear", "resize")

    @property
    def stored_frames(self) -> range:
        """Frames 0, s, 2s, ..."""
        return range(0, self.num_frames, self.sampling_interval)

    @property
    def kept(self) -> str:
        """The sampling interval."""
        return f"sampling interval {self.sampling_interval}"

    @property
    def rebuilt(self) -> str:
        """The interpolation."""
        return "linear interpolation" if self.rebuild == "linear" else "resized as images are"

    def keep(self, x: Tensor) -> tuple[Tensor, ...]:
        """Keep every s-th frame: (clip, channel, kept, joint, body)."""
        return (x[:, :, :: self.sampling_interval],)

    def restore(self, kept: Tensor, *others: Tensor) -> Tensor:
        """Rebuild all frames from those kept."""
        if self.sampling_interval == 1:
            return kept
        if self.rebuild == "linear":
            before, after, weight = _neighbours(
                self.num_frames, self.sampling_interval, kept.dtype, kept.device
            )
            earlier, later = (kept.index_select(2, frames) for frames in (before, after))
            return torch.lerp(earlier, later, weight[:, None, None])
        clips, channels, count, joints, bodies = kept.shape
        flat = kept.permute(0, 1, 3, 4, 2).reshape(clips, channels * joints * bodies, count)
        whole = F.interpolate(flat, size=self.num_frames, mode="linear", align_corners=False)
        return whole.view(clips, channels, joints, bodies, self.num_frames).permute(0, 1, 4, 2, 3)
