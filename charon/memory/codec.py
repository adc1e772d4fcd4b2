"""The interface of codecs: what of a clip the memory keeps in time, and how the rest is rebuilt.

Source: CHARON Sec. 3.2, "Efficient buffer".
"""

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import ClassVar, Literal

import torch
from torch import Tensor

from charon.clips import ClipShape
from charon.memory.storage import Storage
from charon.memory.storages.float32 import Float32

CapacityRule = Literal["frames", "times_interval"]
Rebuild = Literal["linear", "resize"]

Encoded = tuple[Tensor, ...]
"""What a codec makes of clips; the first axis of every tensor is the clip."""


class TemporalCodec(ABC):
    """Compresses clips of one shape; ``encode`` and ``decode`` are inverse up to what is lost.

    With the sampling interval s, about one s-th of a clip is kept, and the storage packs it;
    ``rebuild`` is the method by which missing frames are rebuilt.

    Attributes:
        rebuilds: the methods that there are.
    """

    rebuilds: ClassVar[tuple[Rebuild, ...]] = ("linear",)

    def __init__(
        self,
        clip_shape: ClipShape,
        sampling_interval: int = 1,
        rebuild: Rebuild = "linear",
        storage: Storage | None = None,
    ) -> None:
        self.clip_shape = clip_shape
        self.num_frames = clip_shape[1]
        self.sampling_interval = sampling_interval
        self.num_kept = -(-self.num_frames // sampling_interval)
        self.rebuild = rebuild
        self.storage = storage or Float32()

    @abstractmethod
    def keep(self, x: Tensor) -> tuple[Tensor, ...]:
        """Choose what is kept of float32 (clip, channel, frame, joint, body), metres.

        Returns:
            The numbers, float32 (clip, channel, kept, joint, body), and what else decoding
            needs, whose first axis is the clip. The shapes depend on the shape of a clip alone.
        """

    @abstractmethod
    def restore(self, kept: Tensor, *others: Tensor) -> Tensor:
        """Return float32 (clip, channel, frame, joint, body) from what :meth:`keep` returned."""

    @property
    @abstractmethod
    def kept(self) -> str:
        """What is kept, in a few words."""

    @property
    @abstractmethod
    def rebuilt(self) -> str:
        """How clips are rebuilt, in a few words."""

    @property
    def stored_frames(self) -> range:
        """The frames whose poses are stored; empty for a codec that stores something else."""
        return range(0)

    def encode(self, x: Tensor) -> Encoded:
        """Compress float32 (clip, channel, frame, joint, body), metres."""
        kept, *others = self.keep(x)
        return (*self.storage.pack(kept), *others)

    def decode(self, encoded: Encoded) -> Tensor:
        """Return float32 (clip, channel, frame, joint, body) of whole length."""
        count = self.storage.num_parts
        return self.restore(self.storage.unpack(encoded[:count]), *encoded[count:])

    @property
    def description(self) -> tuple[str, str]:
        """How clips are stored and how they are rebuilt, in a few words each."""
        return ", ".join(filter(None, (self.kept, self.storage.description))), self.rebuilt

    @cached_property
    def bytes_per_clip(self) -> int:
        """Exact bytes of an encoded clip."""
        encoded = self.encode(torch.zeros(1, *self.clip_shape))
        return sum(part.nbytes for part in encoded)

    @property
    def uncompressed_bytes(self) -> int:
        """Exact bytes of a whole clip in float32."""
        return math.prod(self.clip_shape) * 4
