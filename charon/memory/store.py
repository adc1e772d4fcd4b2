"""Where the encoded clips of a memory lie: whole, or without their absent bodies."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from charon.clips import Clips
from charon.memory.codec import TemporalCodec

Bodies = Literal["all", "present"]

FIRST_ROWS = 4096
"""For which a memory asks at first. A budget may allow more clips than there are."""

ROW_BYTES = 4
"""Of the number of a body's row, int32."""


class Store(ABC):
    """Encoded clips by slot; slots are int64 on the CPU.

    Attributes:
        codec: that encodes them.
        num_bodies: of a clip, present or absent.
    """

    codec: TemporalCodec
    num_bodies: int

    @abstractmethod
    def write(self, slots: Tensor, clips: Clips) -> None:
        """Encode clips into slots, whose old content goes."""

    @abstractmethod
    def read(self, slots: Tensor) -> Tensor:
        """Return decoded clips, float32 (clip, channel, frame, joint, body)."""

    @abstractmethod
    def keep(self, slots: Tensor) -> None:
        """Move the clips at ``slots`` to slots 0, 1, ...; those of other slots go."""

    @abstractmethod
    def num_bytes(self, num_clips: int) -> int:
        """Return the exact bytes of the first clips, and of where they lie."""

    @abstractmethod
    def bytes_of(self, num_present: int) -> int:
        """Return the exact bytes of a clip of so many present bodies."""

    @abstractmethod
    def tensors(self, num_clips: int) -> tuple[Tensor, ...]:
        """Return what is stored of the first clips, clip by clip."""

    @abstractmethod
    def load(self, tensors: Sequence[Tensor], present: Tensor) -> None:
        """Take what another store's :meth:`tensors` returned; ``present`` is (clip, body).

        Raises:
            ValueError: it is of another shape or type.
        """


class WholeClips(Store):
    """All bodies of every clip, those that are absent too."""

    def __init__(self, num_clips: int, codec: TemporalCodec, device: torch.device) -> None:
        self.codec = codec
        self.num_bodies = codec.clip_shape[3]
        self._device = device
        self._encoded = _empty(min(num_clips, FIRST_ROWS), codec, device)
        self._most = num_clips

    def _reserve(self, count: int) -> None:
        self._encoded = tuple(with_room(part, count, self._most) for part in self._encoded)

    def write(self, slots: Tensor, clips: Clips) -> None:
        """Encode clips into slots, whose old content goes."""
        self._reserve(int(slots.max()) + 1)
        on_device = slots.to(self._device, non_blocking=True)
        for stored, part in zip(self._encoded, self.codec.encode(clips.x), strict=True):
            stored[on_device] = part

    def read(self, slots: Tensor) -> Tensor:
        """Return decoded clips, float32 (clip, channel, frame, joint, body)."""
        on_device = slots.to(self._device, non_blocking=True)
        return self.codec.decode(tuple(part[on_device] for part in self._encoded))

    def keep(self, slots: Tensor) -> None:
        """Move the clips at ``slots`` to slots 0, 1, ...; those of other slots go."""
        for part in self._encoded:
            part[: len(slots)] = part[slots.to(self._device, non_blocking=True)]

    def num_bytes(self, num_clips: int) -> int:
        """Return the exact bytes of the first clips."""
        return num_clips * self.codec.bytes_per_clip

    def bytes_of(self, num_present: int) -> int:
        """Return the exact bytes of a clip, whoever is in it."""
        return self.codec.bytes_per_clip

    def tensors(self, num_clips: int) -> tuple[Tensor, ...]:
        """Return what is stored of the first clips, clip by clip."""
        return tuple(part[:num_clips] for part in self._encoded)

    def load(self, tensors: Sequence[Tensor], present: Tensor) -> None:
        """Take what another store's :meth:`tensors` returned."""
        self._reserve(len(present))
        for part, stored in zip(self._encoded, tensors, strict=True):
            take_over(part[: len(present)], stored)


class PresentBodies(Store):
    """Only the bodies that are there, each encoded as a clip of one body in a row of its own.

    ``codec`` is for clips of one body.
    """

    def __init__(
        self,
        num_clips: int,
        num_rows: int,
        codec: TemporalCodec,
        num_bodies: int,
        device: torch.device,
    ) -> None:
        self.codec = codec
        self.num_bodies = num_bodies
        self._device = device
        self._encoded = _empty(min(num_rows, FIRST_ROWS), codec, device)
        # The row of each body, (slot, body); -1 for none.
        self._row = torch.full((min(num_clips, FIRST_ROWS), num_bodies), -1, dtype=torch.int32)
        self._most_clips, self._most_rows = num_clips, num_rows

    def _reserve(self, num_clips: int, num_rows: int) -> None:
        self._row = with_room(self._row, num_clips, self._most_clips, fill=-1)
        parts = self._encoded
        self._encoded = tuple(with_room(part, num_rows, self._most_rows) for part in parts)

    def write(self, slots: Tensor, clips: Clips) -> None:
        """Encode clips into slots, whose old content goes."""
        self._reserve(int(slots.max()) + 1, 0)
        self._row[slots] = -1
        clip, body = clips.present.nonzero(as_tuple=True)
        self._reserve(0, int((self._row >= 0).sum()) + len(clip))
        rows = self._free_rows()[: len(clip)]
        bodies = clips.x[
            clip.to(self._device, non_blocking=True),
            ...,
            body.to(self._device, non_blocking=True),
            None,
        ]
        on_device = rows.to(self._device, non_blocking=True)
        for stored, part in zip(self._encoded, self.codec.encode(bodies), strict=True):
            stored[on_device] = part
        self._row[slots[clip], body] = rows.int()

    def read(self, slots: Tensor) -> Tensor:
        """Return decoded clips; absent bodies are zeros."""
        table = self._row[slots]
        clip, body = (table >= 0).nonzero(as_tuple=True)
        rows = table[clip, body].long().to(self._device, non_blocking=True)
        bodies = self.codec.decode(tuple(part[rows] for part in self._encoded))
        shape = (len(slots), *self.codec.clip_shape[:3], table.shape[1])
        x = torch.zeros(shape, device=self._device)
        x[
            clip.to(self._device, non_blocking=True), ..., body.to(self._device, non_blocking=True)
        ] = bodies[..., 0]
        return x

    def keep(self, slots: Tensor) -> None:
        """Move the clips at ``slots`` to slots 0, 1, ...; those of other slots go."""
        kept = self._row[slots]
        self._row[:] = -1
        self._row[: len(slots)] = kept

    def num_bytes(self, num_clips: int) -> int:
        """Return the exact bytes of the first clips' bodies, and of the table of their rows."""
        table = self._row[:num_clips]
        return table.nbytes + int((table >= 0).sum()) * self.codec.bytes_per_clip

    def bytes_of(self, num_present: int) -> int:
        """Return the exact bytes of so many bodies, and of their rows' numbers."""
        return ROW_BYTES * self.num_bodies + num_present * self.codec.bytes_per_clip

    def tensors(self, num_clips: int) -> tuple[Tensor, ...]:
        """Return what is stored of the first clips' bodies, clip by clip."""
        table = self._row[:num_clips]
        rows = table[table >= 0].long().to(self._device, non_blocking=True)
        return tuple(part[rows] for part in self._encoded)

    def load(self, tensors: Sequence[Tensor], present: Tensor) -> None:
        """Take what another store's :meth:`tensors` returned."""
        count = int(present.sum())
        self._reserve(len(present), count)
        for part, stored in zip(self._encoded, tensors, strict=True):
            take_over(part[:count], stored)
        self._row[:] = -1
        self._row[: len(present)][present] = torch.arange(count, dtype=torch.int32)

    def _free_rows(self) -> Tensor:
        """Return the rows that no clip has, int64."""
        is_free = torch.ones(len(self._encoded[0]), dtype=torch.bool)
        is_free[self._row[self._row >= 0].long()] = False
        return is_free.nonzero().flatten()


def with_room(tensor: Tensor, count: int, most: int, fill: int = 0) -> Tensor:
    """Return the tensor with at least ``count`` rows: itself, or one of twice as many.

    More than ``most`` rows are never needed. New ones hold ``fill``.
    """
    if count <= len(tensor):
        return tensor
    more = max(count, min(2 * len(tensor), most)) - len(tensor)
    return torch.cat([tensor, tensor.new_full((more, *tensor.shape[1:]), fill)])


def take_over(into: Tensor, stored: Tensor) -> None:
    """Copy what was stored; a ValueError if it is of another shape or type, which torch allows."""
    if (into.shape, into.dtype) != (stored.shape, stored.dtype):
        raise ValueError(
            f"its memory holds {stored.dtype} {tuple(stored.shape)}, not {into.dtype} "
            f"{tuple(into.shape)}"
        )
    into.copy_(stored)


def _empty(count: int, codec: TemporalCodec, device: torch.device) -> tuple[Tensor, ...]:
    """Return tensors for so many encoded clips."""
    return tuple(
        torch.zeros(count, *part.shape[1:], dtype=part.dtype, device=device)
        for part in codec.encode(torch.zeros(1, *codec.clip_shape))
    )
