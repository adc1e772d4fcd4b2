"""The storage that every memory is built on: encoded clips with labels and logits."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from charon.clips import Clips
from charon.memory.budget import Budget
from charon.memory.codec import TemporalCodec
from charon.memory.store import FIRST_ROWS, Store, take_over, with_room


@dataclass(frozen=True)
class Replay:
    """Clips from the memory, decoded."""

    clips: Clips  # not augmented
    logits: Tensor  # (clip, class) as stored; of width 0 if the memory stores none
    slots: Tensor  # int64 (clip,), their places in the memory


class Buffer(ABC):
    """Slots 0, 1, ... for encoded clips, filled from the first on.

    A selection rule overrides :meth:`assign`: which clips go, and which take their place. The
    budget is of all clips, and ``store`` has room for as many as it allows; ``num_logits``
    logits, or none, are stored with a clip; ``generator``, on the CPU, draws all random numbers
    of the buffer.
    """

    def __init__(
        self,
        budget: Budget,
        store: Store,
        *,
        num_logits: int = 0,
        device: torch.device,
        generator: torch.Generator,
    ) -> None:
        self.budget = budget
        self.generator = generator
        self._store = store
        self._num_stored = 0
        rows = min(self.capacity, FIRST_ROWS)
        self._present = torch.zeros(rows, store.num_bodies, dtype=torch.bool)
        self._label = torch.zeros(rows, dtype=torch.int64, device=device)
        self._logits = torch.zeros(rows, num_logits, device=device)

    @abstractmethod
    def assign(self, clips: Clips) -> dict[int, int]:
        """Decide which of these clips, offered in order, are stored, and where.

        Returns:
            The row of a clip for every slot that is filled or replaced. Free slots are
            filled from the first on.
        """

    def offer(self, clips: Clips, logits: Tensor | None = None) -> None:
        """Store those of whole, not augmented clips that :meth:`assign` chooses.

        ``logits``, (clip, class), are given exactly if the memory stores logits.
        """
        row_of = self.assign(clips)
        if not row_of:
            return
        slots, rows = torch.tensor(list(row_of)), torch.tensor(list(row_of.values()))
        chosen = clips.take(rows)
        self._store.write(slots, chosen)
        self._reserve(int(slots.max()) + 1)
        self._present[slots] = chosen.present
        self._label[slots.to(self._label.device, non_blocking=True)] = chosen.label
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
        clips = Clips(self._store.read(slots), self._present[slots], self._label[on_device])
        return Replay(clips, self._logits[on_device], slots)

    def replace_logits(self, slots: Tensor, logits: Tensor) -> None:
        """Overwrite the logits stored at ``slots``."""
        on_device = slots.to(self._logits.device, non_blocking=True)
        self._logits[on_device] = logits.detach().to(self._logits)

    def __len__(self) -> int:
        return self._num_stored

    @property
    def codec(self) -> TemporalCodec:
        """The codec of clips, or of their single bodies."""
        return self._store.codec

    @property
    def capacity(self) -> int:
        """The most clips that the budget allows: those of one body, where bodies count."""
        return self.budget.most_clips

    @property
    def labels(self) -> Tensor:
        """Labels of the stored clips, int64 (slot,)."""
        return self._label[: len(self)]

    @property
    def costs(self) -> Tensor:
        """Units of the budget that each stored clip takes, int64 (slot,)."""
        return self.budget.costs(self._present[: len(self)])

    @property
    def num_bytes(self) -> int:
        """Exact bytes of all stored clips: encoded frames, presence, labels and logits."""
        beside = sum(tensor.nbytes for tensor in self._beside())
        return beside + self._store.num_bytes(len(self))

    @property
    def most_bytes(self) -> int:
        """The most bytes that the memory can take."""
        budget, store = self.budget, self._store
        beside = clip_bytes(store.num_bodies, self._logits.shape[1])
        if budget.is_even:
            return self.capacity * (beside + store.bytes_of(store.num_bodies))
        # The units are bytes; of each clip some are in no unit where frames alone count.
        uncounted = beside + store.bytes_of(1) - budget.per_clip - budget.per_body
        return budget.limit + self.capacity * max(0, uncounted)

    def state_dict(self) -> dict[str, Any]:
        """Return copies of everything :meth:`load_state_dict` needs to continue."""
        stored = (*self._store.tensors(len(self)), *self._beside())
        return {
            "stored": [tensor.to("cpu", copy=True) for tensor in stored],
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of a memory of the same shape.

        Raises:
            ValueError: it is of another shape, or of more clips than may be stored.
        """
        *encoded, present, label, logits = state["stored"]
        if len(label) > self.capacity:
            raise ValueError(f"its memory holds {len(label)} clips, more than {self.capacity}")
        self._num_stored = len(label)
        self._reserve(len(label))
        for tensor, stored in zip(self._beside(), (present, label, logits), strict=True):
            take_over(tensor, stored)
        self._store.load(encoded, present)
        self.generator.set_state(state["generator"])

    def _reserve(self, count: int) -> None:
        """Make room for so many clips, beside what is encoded of them."""
        self._present = with_room(self._present, count, self.capacity)
        self._label = with_room(self._label, count, self.capacity)
        self._logits = with_room(self._logits, count, self.capacity)

    def _beside(self) -> tuple[Tensor, ...]:
        """Return what is stored beside the encoded clips; the first axis is the slot."""
        count = len(self)
        return self._present[:count], self._label[:count], self._logits[:count]

    def _keep(self, slots: Tensor) -> None:
        """Keep the clips at ``slots`` (int64, on the CPU), in that order; drop the others."""
        self._store.keep(slots)
        for tensor in self._beside():
            tensor[: len(slots)] = tensor[slots.to(tensor.device)]
        self._num_stored = len(slots)


def clip_bytes(num_bodies: int, num_logits: int) -> int:
    """Return the exact bytes of a stored clip's presence, label and logits."""
    return num_bodies + 8 + 4 * num_logits
