"""Class-balanced sampling: as many clips of every class."""

import torch
from torch import Tensor

from charon.memory.buffer import Buffer


class ClassBalancedBuffer(Buffer):
    """Keeps an equal share of every class seen; :meth:`reduce` makes room for new classes."""

    def reduce(self, per_class: int) -> None:
        """Keep the first ``per_class`` stored clips of every class."""
        kept, count = [], dict[int, int]()
        for slot, label in enumerate(self.labels.tolist()):
            count[label] = count.get(label, 0) + 1
            if count[label] <= per_class:
                kept.append(slot)
        self._keep(torch.tensor(kept, dtype=torch.int64))

    def assign(self, label: Tensor) -> dict[int, int]:
        """Fill free slots, one a clip.

        Raises:
            ValueError: the clips outnumber the free slots.
        """
        first, stop = len(self), len(self) + len(label)
        if stop > self.capacity:
            raise ValueError(f"{stop} clips do not fit a memory of {self.capacity}.")
        return dict(zip(range(first, stop), range(len(label)), strict=True))

    def choose(self, label: Tensor, classes: range) -> Tensor:
        """Choose clips of new classes at random, as many of each as there are free slots for.

        Slots left over go to classes drawn at random, one each. ``label`` is on the CPU; the
        result, int64 (chosen clip,), goes class by class.
        """
        each, rest = divmod(self.capacity - len(self), len(classes))
        order = torch.randperm(len(label), generator=self.generator)
        drawn = torch.randperm(len(classes), generator=self.generator)[:rest] + classes.start
        share = {k: each + (k in drawn.tolist()) for k in classes}
        return torch.cat([order[label[order] == k][: share[k]] for k in classes])
