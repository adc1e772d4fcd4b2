"""Class-balancing reservoir sampling: a full memory gives up clips of its largest class.

Source: Chrysakis & Moens, "Online Continual Learning from Imbalanced Data", ICML 2020, alg. 2.
"""

from typing import Any

import torch
from torch import Tensor

from charon.memory.buffer import Buffer


class BalancedReservoirBuffer(Buffer):
    """Fills free slots first; then a new clip replaces one of the largest class.

    Once a class has been the largest, its own new clips replace its own stored ones, as in
    reservoir sampling: each of its clips has the same chance.

    Attributes:
        num_seen: clips offered so far, by class.
        full: classes that have been the largest of a full memory.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.num_seen: dict[int, int] = {}
        self.full: set[int] = set()

    def assign(self, label: Tensor) -> dict[int, int]:
        """Choose a slot for every clip that is stored; the last one chosen for a slot keeps it."""
        if self.capacity == 0:
            return {}
        slots_of: dict[int, list[int]] = {}
        for slot, stored in enumerate(self.labels.tolist()):
            slots_of.setdefault(stored, []).append(slot)
        filled, row_of = len(self), dict[int, int]()
        for row, new in enumerate(label.tolist()):
            self.num_seen[new] = self.num_seen.get(new, 0) + 1
            own = slots_of.setdefault(new, [])
            if filled < self.capacity:
                slot, filled = filled, filled + 1
                own.append(slot)
            else:
                found = self._replaced(new, slots_of)
                if found is None:
                    continue
                slot = found
            row_of[slot] = row
        return row_of

    def _replaced(self, new: int, slots_of: dict[int, list[int]]) -> int | None:
        """Choose the slot that a clip of a class replaces; None if the clip is not stored."""
        most = max(map(len, slots_of.values()))
        largest = [k for k, slots in slots_of.items() if len(slots) == most]
        self.full.update(largest)
        own = slots_of[new]
        if new in self.full:
            place = self._draw(self.num_seen[new])
            return own[place] if place < len(own) else None
        loser = slots_of[largest[self._draw(len(largest))]]
        slot = loser.pop(self._draw(len(loser)))
        own.append(slot)
        return slot

    def _draw(self, stop: int) -> int:
        """Draw a whole number in [0, stop)."""
        return int(torch.randint(stop, (), generator=self.generator))

    def state_dict(self) -> dict[str, Any]:
        """Add the number of clips offered, and the classes that have been the largest."""
        return super().state_dict() | {"num_seen": dict(self.num_seen), "full": sorted(self.full)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of a memory of the same shape."""
        super().load_state_dict(state)
        self.num_seen, self.full = dict(state["num_seen"]), set(state["full"])
