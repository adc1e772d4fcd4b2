"""A base of codecs that keep weighted sums of frames: one matrix encodes, another decodes."""

from abc import abstractmethod

import torch
from torch import Tensor

from charon.memory.codec import TemporalCodec


class WeightedSums(TemporalCodec):
    """Keeps sums of a clip's frames, and rebuilds frames as sums of these."""

    @abstractmethod
    def weights(self) -> tuple[Tensor, Tensor]:
        """Return the weights of frames in what is kept, (kept, frame), and back, (frame, kept)."""

    def keep(self, x: Tensor) -> tuple[Tensor, ...]:
        """Sum frames: (clip, channel, kept, joint, body)."""
        return (_sums(self._on(x.device)[0], x),)

    def restore(self, kept: Tensor, *others: Tensor) -> Tensor:
        """Sum what is kept: (clip, channel, frame, joint, body)."""
        return _sums(self._on(kept.device)[1], kept)

    def _on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return the weights in float32 on a device; they are computed once for each."""
        known: dict[torch.device, tuple[Tensor, Tensor]] = self.__dict__.setdefault("_known", {})
        if device not in known:
            into, back = self.weights()
            known[device] = into.float().to(device), back.float().to(device)
        return known[device]


def _sums(weights: Tensor, x: Tensor) -> Tensor:
    """Multiply (to, from) and the third axis of (clip, channel, from, joint, body)."""
    total: Tensor = (weights @ x.flatten(3)).unflatten(3, x.shape[3:])
    return total


def hats(knots: Tensor, num_frames: int) -> Tensor:
    """Return the weights of the values at ascending knots in their linear interpolation.

    Before the first knot and after the last the value is held. ``knots`` is float64
    (..., knot), places in frames, at least two; the result float64 (..., frame, knot).
    """
    frames = torch.arange(num_frames, dtype=torch.float64, device=knots.device)
    frames = frames.expand(*knots.shape[:-1], num_frames).contiguous()
    before = torch.searchsorted(knots, frames, right=True).sub(1).clamp(0, knots.shape[-1] - 2)
    left, right = knots.gather(-1, before), knots.gather(-1, before + 1)
    share = ((frames - left) / (right - left)).clamp(0, 1)
    weights = frames.new_zeros(*frames.shape, knots.shape[-1])
    weights.scatter_(-1, before[..., None], (1 - share)[..., None])
    return weights.scatter_(-1, before[..., None] + 1, share[..., None])
