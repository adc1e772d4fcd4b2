"""The interface of codecs: how the clips of a memory are compressed in time.

Source: CHARON Sec. 3.2, "Efficient buffer".
"""

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from charon.clips import ClipShape

CapacityRule = Literal["frames", "times_interval"]
Rebuild = Literal["linear", "resize"]

Encoded = tuple[Tensor, ...]
"""What a codec makes of clips; the first axis of every tensor is the clip."""


class TemporalCodec(ABC):
    """Compresses clips of one shape; ``encode`` and ``decode`` are inverse up to what is lost.

    With the sampling interval s, about one s-th of a clip is stored; ``rebuild`` is the method
    by which missing frames are rebuilt.
    """

    def __init__(
        self, clip_shape: ClipShape, sampling_interval: int = 1, rebuild: Rebuild = "linear"
    ) -> None:
        self.clip_shape = clip_shape
        self.num_frames = clip_shape[1]
        self.sampling_interval = sampling_interval
        self.rebuild = rebuild

    @abstractmethod
    def encode(self, x: Tensor) -> Encoded:
        """Compress float32 (clip, channel, frame, joint, body), metres.

        The shapes and types of the result depend on the shape of a clip alone.
        """

    @abstractmethod
    def decode(self, encoded: Encoded) -> Tensor:
        """Return float32 (clip, channel, frame, joint, body) of whole length."""

    @property
    @abstractmethod
    def stored_frames(self) -> range:
        """The frames whose poses are stored; empty for a codec that stores something else."""

    @property
    @abstractmethod
    def description(self) -> tuple[str, str]:
        """How clips are stored and how they are rebuilt, in a few words each."""

    @cached_property
    def bytes_per_clip(self) -> int:
        """Exact bytes of an encoded clip."""
        encoded = self.encode(torch.zeros(1, *self.clip_shape))
        return sum(part.nbytes for part in encoded)

    @property
    def uncompressed_bytes(self) -> int:
        """Exact bytes of a whole clip in float32."""
        return math.prod(self.clip_shape) * 4

    def capacity(self, buffer_size: int, rule: CapacityRule = "frames") -> int:
        """Return the number of encoded clips that replace ``buffer_size`` (M) uncompressed clips.

        The rule ``"frames"`` fits as many as M·F float32 frames have bytes for, and never
        exceeds them; ``"times_interval"`` is the released code's M·s whatever a clip takes,
        which exceeds them where s does not divide F.
        """
        if rule == "times_interval":
            return buffer_size * self.sampling_interval
        return buffer_size * self.uncompressed_bytes // self.bytes_per_clip

    def largest_buffer(self, num_clips: int) -> int:
        """Return the largest buffer size whose capacity is at most ``num_clips``."""
        return ((num_clips + 1) * self.bytes_per_clip - 1) // self.uncompressed_bytes
