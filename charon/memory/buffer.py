"""The storage that every memory is built on: encoded clips with labels and logits."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from charon.clips import Clips
from charon.memory.codec import TemporalCodec


@dataclass(frozen=True)
class Replay:
    """Clips from the memory, decoded."""

    clips: Clips  # not augmented
    logits: Tensor  # (clip, class) as stored; of width 0 if the memory stores none
    slots: Tensor  # int64 (clip,), their places in the memory


class Buffer(ABC):
    """Slots 0 .. ``capacity`` - 1 for encoded clips, filled from the first on.

    A selection rule overrides :meth:`assign`: which slots are replaced, and by which clips.
    ``num_logits`` logits, or none, are stored with a clip; ``generator``, on the CPU, draws all
    random numbers of the buffer.
    """

    def __init__(
        self,
        capacity: int,
        codec: TemporalCodec,
        *,
        num_logits: int = 0,
        device: torch.device,
        generator: torch.Generator,
    ) -> None:
        self.capacity = capacity
        self.codec = codec
        self.generator = generator
        self._num_stored = 0
        self._encoded = tuple(
            torch.zeros(capacity, *part.shape[1:], dtype=part.dtype, device=device)
            for part in codec.encode(torch.zeros(1, *codec.clip_shape))
        )
        self._present = torch.zeros(capacity, codec.clip_shape[3], dtype=torch.bool)
        self._label = torch.zeros(capacity, dtype=torch.int64, device=device)
        self._logits = torch.zeros(capacity, num_logits, device=device)

    @abstractmethod
    def assign(self, label: Tensor) -> dict[int, int]:
        """Decide which clips of these labels, offered in order, are stored, and where.

        Returns:
            The row of a clip for every slot that is filled or replaced. Free slots are
            filled from the first on.
        """

    def offer(self, clips: Clips, logits: Tensor | None = None) -> None:
        """Store those of whole, not augmented clips that :meth:`assign` chooses.

        ``logits``, (clip, class), are given exactly if the memory stores logits.
        """
        row_of = self.assign(clips.label)
        if not row_of:
            return
        slots, rows = torch.tensor(list(row_of)), torch.tensor(list(row_of.values()))
        chosen = clips.take(rows)
        on_device = slots.to(self._label.device, non_blocking=True)
        for stored, part in zip(self._encoded, self.codec.encode(chosen.x), strict=True):
            stored[on_device] = part
        self._present[slots] = chosen.present
        self._label[on_device] = chosen.label
        self._num_stored = max(self._num_stored, int(slots.max()) + 1)
        if logits is not None:
            self.replace_logits(slots, logits[rows.to(logits.device, non_blocking=True)])

    def draw(self, batch_size: int) -> Replay:
        """Draw ``min(batch_size, stored)`` clips without replacement."""
        order = torch.randperm(len(self), generator=self.generator)
        return self.at(order[:batch_size])

    def at(self, slots: Tensor) -> Replay:
        """Return the clips at ``slots`` (int64, on the CPU)."""
        on_device = slots.to(self._label.device, non_blocking=True)
        x = self.codec.decode(tuple(part[on_device] for part in self._encoded))
        clips = Clips(x, self._present[slots], self._label[on_device])
        return Replay(clips, self._logits[on_device], slots)

    def replace_logits(self, slots: Tensor, logits: Tensor) -> None:
        """Overwrite the logits stored at ``slots``."""
        on_device = slots.to(self._logits.device, non_blocking=True)
        self._logits[on_device] = logits.detach().to(self._logits)

    def __len__(self) -> int:
        return self._num_stored

    @property
    def labels(self) -> Tensor:
        """Labels of the stored clips, int64 (slot,)."""
        return self._label[: len(self)]

    @property
    def bytes_per_clip(self) -> int:
        """Exact bytes of a stored clip: encoded frames, presence, label and logits."""
        return sum(t.shape[1:].numel() * t.element_size() for t in self._tensors())

    @property
    def num_bytes(self) -> int:
        """Exact bytes of all stored clips."""
        return len(self) * self.bytes_per_clip

    def state_dict(self) -> dict[str, Any]:
        """Return copies of everything :meth:`load_state_dict` needs to continue."""
        return {
            "stored": [t[: len(self)].to("cpu", copy=True) for t in self._tensors()],
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of a memory of the same shape."""
        for tensor, stored in zip(self._tensors(), state["stored"], strict=True):
            self._num_stored = len(stored)
            tensor[: len(stored)] = stored.to(tensor.device)
        self.generator.set_state(state["generator"])

    def _tensors(self) -> tuple[Tensor, ...]:
        """Return all that is stored; the first axis is the slot."""
        return (*self._encoded, self._present, self._label, self._logits)

    def _keep(self, slots: Tensor) -> None:
        """Keep the clips at ``slots`` (int64, on the CPU), in that order; drop the others."""
        for tensor in self._tensors():
            tensor[: len(slots)] = tensor[slots.to(tensor.device)]
        self._num_stored = len(slots)
