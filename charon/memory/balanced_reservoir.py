"""Class-balancing reservoir sampling: a full memory gives up clips of its largest class.

Source: Chrysakis & Moens, "Online Continual Learning from Imbalanced Data", ICML 2020, alg. 2.
Differs: clips may take different parts of the budget; as many go as make room.
"""

from typing import Any

import torch

from charon.clips import Clips
from charon.memory.buffer import Buffer

Held = dict[int, list[tuple[int, int]]]
"""By class: the slot of each clip, or -1 - row of a new one, and its units of the budget."""


class BalancedReservoirBuffer(Buffer):
    """Takes all clips that fit; then a new clip replaces one of the largest class.

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

    def assign(self, clips: Clips) -> dict[int, int]:
        """Choose which clips go, and a slot for each new one that is stored."""
        held: Held = {}
        for slot, (label, cost) in enumerate(
            zip(self.labels.tolist(), self.costs.tolist(), strict=True)
        ):
            held.setdefault(label, []).append((slot, cost))
        limit, used = self.budget.limit, int(self.costs.sum())
        offered = zip(clips.label.tolist(), self.budget.costs(clips.present).tolist(), strict=True)
        for row, (label, cost) in enumerate(offered):
            self.num_seen[label] = self.num_seen.get(label, 0) + 1
            own = held.setdefault(label, [])
            if cost > limit or (used + cost > limit and not self._admits(label, held)):
                continue
            while used + cost > limit:
                loser = own if label in self.full and own else self._largest(held)
                used -= loser.pop(self._draw(len(loser)))[1]
            own.append((-1 - row, cost))
            used += cost
        return self._slots([place for clips_of in held.values() for place, _ in clips_of])

    def _admits(self, label: int, held: Held) -> bool:
        """Whether a full memory takes a clip of this class."""
        most = max(map(len, held.values()))
        self.full.update(k for k, clips_of in held.items() if len(clips_of) == most)
        return label not in self.full or self._draw(self.num_seen[label]) < len(held[label])

    def _largest(self, held: Held) -> list[tuple[int, int]]:
        """Return the clips of the largest class, one of them if there are several."""
        most = max(map(len, held.values()))
        largest = [clips_of for clips_of in held.values() if len(clips_of) == most]
        return largest[self._draw(len(largest))]

    def _slots(self, places: list[int]) -> dict[int, int]:
        """Return the slot of each new clip; those of clips that go are taken first."""
        old = sorted(place for place in places if place >= 0)
        rows = [-1 - place for place in places if place < 0]
        free = sorted(set(range(len(self))) - set(old))
        if len(free) > len(rows):
            self._keep(torch.tensor(old, dtype=torch.int64))
            free = []
        slots = [*free, *range(len(self), len(self) + len(rows) - len(free))]
        return dict(zip(slots, rows, strict=True))

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
