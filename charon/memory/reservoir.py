"""Reservoir sampling: every clip ever offered has the same chance of being stored.

Source: Vitter, "Random Sampling with a Reservoir", 1985, algorithm R; CHARON Alg. 1.
Differs: clips may take different parts of the budget. Of the clips in a random order, drawn
once, those are stored that come first and fit; clips of one size reduce this to algorithm R.
"""

from typing import Any

import torch

from charon.clips import Clips
from charon.memory.buffer import Buffer


class ReservoirBuffer(Buffer):
    """Fills free slots first; then the n-th clip replaces a random one with chance capacity/n.

    Attributes:
        num_seen: clips offered so far.
    """

    num_seen = 0

    def assign(self, clips: Clips) -> dict[int, int]:
        """Draw a place for every clip; the last one drawn for a slot keeps it."""
        size = (len(clips),)
        chance = torch.rand(size, dtype=torch.float64, generator=self.generator).tolist()
        if self.budget.is_even:
            return self._replace(chance)
        return self._make_room(chance, self.budget.costs(clips.present).tolist())

    def _replace(self, chance: list[float]) -> dict[int, int]:
        """Choose slots where every clip takes as much."""
        row_of: dict[int, int] = {}
        for row in range(len(chance)):
            slot = self.num_seen
            if slot >= self.capacity:
                slot = int(chance[row] * (self.num_seen + 1))
            if slot < self.capacity:
                row_of[slot] = row
            self.num_seen += 1
        return row_of

    def _make_room(self, chance: list[float], costs: list[int]) -> dict[int, int]:
        """Choose slots where clips take different parts; those evicted go.

        A clip's place in the random order of all seen is drawn. Stored clips are the first of
        it, in an order that nobody knows yet: so the last of them, which is evicted first, is any
        of them, the new one too.
        """
        held = list(range(len(self)))  # slots, and -1 - row for a new clip
        taken = self.costs.tolist()
        used = sum(taken)
        for row, cost in enumerate(costs):
            place = int(chance[row] * (self.num_seen + 1))
            self.num_seen += 1
            if place > len(held):
                continue
            held.append(-1 - row)
            taken.append(cost)
            used += cost
            while used > self.budget.limit:
                used -= taken[place]
                held[place], taken[place] = held[-1], taken[-1]
                held.pop(), taken.pop()
                if used > self.budget.limit:
                    place = int(torch.randint(len(held), (), generator=self.generator))
        old = [slot for slot in held if slot >= 0]
        if len(old) < len(self):
            self._keep(torch.tensor(old, dtype=torch.int64))
        new = [-1 - slot for slot in held if slot < 0]
        return {len(old) + number: row for number, row in enumerate(new)}

    def state_dict(self) -> dict[str, Any]:
        """Add the number of clips offered."""
        return super().state_dict() | {"num_seen": self.num_seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of a memory of the same shape."""
        super().load_state_dict(state)
        self.num_seen = int(state["num_seen"])
