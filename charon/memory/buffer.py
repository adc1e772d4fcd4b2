"""The memory: a reservoir of thinned clips with labels and, for some learners, logits.

Source: CHARON Sec. 3.2 (what is stored), Alg. 1; reservoir sampling: Vitter, 1985.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from charon.clips import Clips
from charon.memory.temporal import Rebuild, num_thinned_frames, rebuild, thin


@dataclass(frozen=True)
class Replay:
    """Clips drawn from the memory, rebuilt to full length.

    Attributes:
        clips: the clips, not augmented.
        logits: (clip, class) as stored; of width 0 if the memory stores none.
        slots: int64 (clip,), where they lie in the memory.
    """

    clips: Clips
    logits: Tensor
    slots: Tensor


class Memory:
    """Stores up to ``capacity`` clips, each thinned in time, chosen by reservoir sampling.

    Every clip ever offered has the same chance of being stored.

    Args:
        capacity: clips it holds at most, at least 0.
        clip_shape: (channel, frame, joint, body) of a whole clip.
        num_logits: logits stored with a clip; 0 for none.
        sampling_interval: s, frames from one stored frame to the next.
        rebuild_method: how clips are rebuilt when drawn.
        device: where clips are kept.
        generator: CPU generator of the reservoir's and the draws' random numbers.
    """

    def __init__(
        self,
        capacity: int,
        clip_shape: tuple[int, int, int, int],
        *,
        num_logits: int = 0,
        sampling_interval: int = 1,
        rebuild_method: Rebuild = "linear",
        device: torch.device,
        generator: torch.Generator,
    ) -> None:
        channels, frames, joints, bodies = clip_shape
        kept = num_thinned_frames(frames, sampling_interval)
        self.capacity = capacity
        self.num_frames = frames
        self.sampling_interval = sampling_interval
        self.rebuild_method = rebuild_method
        self.num_seen = 0
        self.generator = generator
        self._x = torch.zeros(capacity, channels, kept, joints, bodies, device=device)
        self._present = torch.zeros(capacity, bodies, dtype=torch.bool)
        self._label = torch.zeros(capacity, dtype=torch.int64, device=device)
        self._logits = torch.zeros(capacity, num_logits, device=device)

    def __len__(self) -> int:
        return min(self.num_seen, self.capacity)

    @property
    def num_bytes(self) -> int:
        """Exact bytes of what is stored: frames, presence flags, labels and logits."""
        kept = (self._x, self._present, self._label, self._logits)
        return sum(len(self) * tensor[:1].numel() * tensor.element_size() for tensor in kept)

    def offer(self, clips: Clips, logits: Tensor | None = None) -> None:
        """Offer whole, not augmented clips to the reservoir, in order.

        Args:
            clips: to be thinned and stored, or passed over.
            logits: (clip, class), given exactly if the memory stores logits.
        """
        slot_of = self._reserve(len(clips))
        if not slot_of:
            return
        slots, rows = torch.tensor(list(slot_of)), torch.tensor(list(slot_of.values()))
        chosen = clips.take(rows)
        on_device = slots.to(self._x.device)
        self._x[on_device] = thin(chosen.x, self.sampling_interval)
        self._present[slots] = chosen.present
        self._label[on_device] = chosen.label
        if logits is not None:
            self._logits[on_device] = logits.detach()[rows.to(logits.device)].to(self._logits)

    def _reserve(self, num_offered: int) -> dict[int, int]:
        """Return slot -> offered clip; the last clip that won a slot has it."""
        chance = torch.rand(num_offered, dtype=torch.float64, generator=self.generator).tolist()
        slot_of: dict[int, int] = {}
        for row in range(num_offered):
            slot = self.num_seen
            if slot >= self.capacity:
                slot = int(chance[row] * (self.num_seen + 1))
            if slot < self.capacity:
                slot_of[slot] = row
            self.num_seen += 1
        return slot_of

    def draw(self, batch_size: int) -> Replay:
        """Draw ``min(batch_size, stored)`` clips without replacement and rebuild them."""
        order = torch.randperm(len(self), generator=self.generator)
        return self.at(order[:batch_size])

    def at(self, slots: Tensor) -> Replay:
        """Return what lies at ``slots`` (int64, on the CPU), rebuilt."""
        on_device = slots.to(self._x.device)
        whole = rebuild(
            self._x[on_device], self.num_frames, self.sampling_interval, self.rebuild_method
        )
        clips = Clips(whole, self._present[slots], self._label[on_device])
        return Replay(clips, self._logits[on_device], slots)

    @property
    def labels(self) -> Tensor:
        """Labels of the stored clips, int64 (slot,)."""
        return self._label[: len(self)]

    def replace_logits(self, slots: Tensor, logits: Tensor) -> None:
        """Overwrite the logits stored at ``slots``."""
        self._logits[slots.to(self._logits.device)] = logits.detach().to(self._logits)

    def state_dict(self) -> dict[str, Any]:
        """Return copies of everything a later :meth:`load_state_dict` needs to continue."""
        stored = len(self)
        return {
            "num_seen": self.num_seen,
            "x": self._x[:stored].to("cpu", copy=True),
            "present": self._present[:stored].clone(),
            "label": self._label[:stored].to("cpu", copy=True),
            "logits": self._logits[:stored].to("cpu", copy=True),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state made by a memory of the same shape."""
        self.num_seen = state["num_seen"]
        stored = len(self)
        self._x[:stored] = state["x"].to(self._x.device)
        self._present[:stored] = state["present"]
        self._label[:stored] = state["label"].to(self._label.device)
        self._logits[:stored] = state["logits"].to(self._logits.device)
        self.generator.set_state(state["generator"])
