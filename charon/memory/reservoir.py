"""The memory of learners that replay: a reservoir.

Source: CHARON Sec. 3.2 (what is stored), Alg. 1; reservoir sampling: Vitter, 1985.
"""

from typing import Any

import torch
from torch import Tensor

from charon.clips import Clips
from charon.memory.codec import Rebuild
from charon.memory.storage import Replay, ThinnedClips


class Memory(ThinnedClips):
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
        super().__init__(
            capacity,
            clip_shape,
            num_logits=num_logits,
            sampling_interval=sampling_interval,
            rebuild_method=rebuild_method,
            device=device,
        )
        self.num_seen = 0
        self.generator = generator

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
        self._put(slots, clips.take(rows))
        if logits is not None:
            self.replace_logits(slots, logits[rows.to(logits.device)])

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

    def state_dict(self) -> dict[str, Any]:
        """Return copies of everything a later :meth:`load_state_dict` needs to continue."""
        reservoir = {"num_seen": self.num_seen, "generator": self.generator.get_state()}
        return super().state_dict() | reservoir

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state made by a memory of the same shape."""
        super().load_state_dict(state)
        self.num_seen = state["num_seen"]
        self.generator.set_state(state["generator"])
