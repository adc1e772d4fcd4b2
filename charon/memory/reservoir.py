"""Reservoir sampling: every clip ever offered has the same chance of being stored.

Source: Vitter, "Random Sampling with a Reservoir", 1985, algorithm R; CHARON Alg. 1.
"""

from typing import Any

import torch
from torch import Tensor

from charon.memory.buffer import Buffer


class ReservoirBuffer(Buffer):
    """Fills free slots first; then the n-th clip replaces a random one with chance capacity/n.

    Attributes:
        num_seen: clips offered so far.
    """

    num_seen = 0

    def assign(self, label: Tensor) -> dict[int, int]:
        """Draw a slot for every clip; the last one drawn for a slot keeps it."""
        chance = torch.rand(len(label), dtype=torch.float64, generator=self.generator).tolist()
        row_of: dict[int, int] = {}
        for row in range(len(label)):
            slot = self.num_seen
            if slot >= self.capacity:
                slot = int(chance[row] * (self.num_seen + 1))
            if slot < self.capacity:
                row_of[slot] = row
            self.num_seen += 1
        return row_of

    def state_dict(self) -> dict[str, Any]:
        """Add the number of clips offered."""
        return super().state_dict() | {"num_seen": self.num_seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of a memory of the same shape."""
        super().load_state_dict(state)
        self.num_seen = state["num_seen"]
