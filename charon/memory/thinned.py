"""Thinning: store every s-th frame of a clip, rebuild the others by interpolation.

Source: CHARON Sec. 3.2, "Efficient buffer", eq. 10.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from charon.memory.codec import Encoded, TemporalCodec


class Thinned(TemporalCodec):
    """Stores frames 0, s, 2s, ... in float32.

    ``rebuild="linear"`` interpolates between the true positions of the stored frames and
    holds the last one, so that stored frames come back unchanged. ``"resize"`` stretches
    them over the clip as image resizing does, as the released code has it: everything comes
    (s-1)/2 frames late.
    """

    @property
    def stored_frames(self) -> range:
        """Frames 0, s, 2s, ..."""
        return range(0, self.num_frames, self.sampling_interval)

    @property
    def description(self) -> tuple[str, str]:
        """The sampling interval; the interpolation."""
        rebuilt = "linear interpolation" if self.rebuild == "linear" else "resized as images are"
        return f"sampling interval {self.sampling_interval}", rebuilt

    def encode(self, x: Tensor) -> Encoded:
        """Keep every s-th frame: (clip, channel, stored frame, joint, body)."""
        return (x[:, :, :: self.sampling_interval],)

    def decode(self, encoded: Encoded) -> Tensor:
        """Rebuild all frames from those stored."""
        (thinned,) = encoded
        if self.sampling_interval == 1:
            return thinned
        if self.rebuild == "linear":
            frame = torch.arange(self.num_frames, device=thinned.device)
            before = frame // self.sampling_interval
            after = (before + 1).clamp(max=thinned.shape[2] - 1)
            weight = (frame % self.sampling_interval).to(thinned.dtype) / self.sampling_interval
            return torch.lerp(thinned[:, :, before], thinned[:, :, after], weight[:, None, None])
        clips, channels, kept, joints, bodies = thinned.shape
        flat = thinned.permute(0, 1, 3, 4, 2).reshape(clips, channels * joints * bodies, kept)
        whole = F.interpolate(flat, size=self.num_frames, mode="linear", align_corners=False)
        return whole.view(clips, channels, joints, bodies, self.num_frames).permute(0, 1, 4, 2, 3)
