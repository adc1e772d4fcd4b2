"""Temporal compression: a clip thinned to every s-th frame, and rebuilt from those frames.

Source: CHARON Sec. 3.2, "Efficient buffer", eq. 10.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Rebuild = Literal["linear", "resize"]
CapacityRule = Literal["frames", "times_interval"]


def num_thinned_frames(num_frames: int, sampling_interval: int) -> int:
    """Return how many frames :func:`thin` keeps: frames 0, s, 2s, ..."""
    return -(-num_frames // sampling_interval)


def thin(x: Tensor, sampling_interval: int) -> Tensor:
    """Keep frames 0, s, 2s, ... of (clip, channel, frame, joint, body)."""
    return x[:, :, ::sampling_interval]


def rebuild(
    thinned: Tensor, num_frames: int, sampling_interval: int, method: Rebuild = "linear"
) -> Tensor:
    """Undo :func:`thin`, up to what was lost.

    Args:
        thinned: (clip, channel, kept frame, joint, body).
        num_frames: frames of the whole clip.
        sampling_interval: s, the same that thinned the clip.
        method: ``"linear"`` interpolates between the true positions of the kept frames
            and holds the last one, so that kept frames come back unchanged. ``"resize"``
            stretches the kept frames over the clip as image resizing does, as the
            released code has it: everything comes (s-1)/2 frames late.
    """
    if sampling_interval == 1:
        return thinned
    if method == "resize":
        clips, channels, kept, joints, bodies = thinned.shape
        flat = thinned.permute(0, 1, 3, 4, 2).reshape(clips, channels * joints * bodies, kept)
        whole = F.interpolate(flat, size=num_frames, mode="linear", align_corners=False)
        return whole.view(clips, channels, joints, bodies, num_frames).permute(0, 1, 4, 2, 3)
    frame = torch.arange(num_frames, device=thinned.device)
    before = frame // sampling_interval
    after = (before + 1).clamp(max=thinned.shape[2] - 1)
    weight = (frame % sampling_interval).to(thinned.dtype) / sampling_interval
    return torch.lerp(thinned[:, :, before], thinned[:, :, after], weight[:, None, None])


def capacity(
    buffer_size: int, num_frames: int, sampling_interval: int, rule: CapacityRule = "frames"
) -> int:
    """Return how many thinned clips fit where ``buffer_size`` whole clips do.

    Args:
        buffer_size: M, nominal size in uncompressed clips.
        num_frames: F, frames of an uncompressed clip.
        sampling_interval: s.
        rule: ``"frames"`` never exceeds the M·F frames of the budget;
            ``"times_interval"`` is the released code's M·s, which does where s does not
            divide F.
    """
    if rule == "times_interval":
        return buffer_size * sampling_interval
    return buffer_size * num_frames // num_thinned_frames(num_frames, sampling_interval)
