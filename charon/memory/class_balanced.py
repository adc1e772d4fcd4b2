"""Class-balanced sampling: as many clips of every class, at random or by herding.

Source: Rebuffi et al., "iCaRL", CVPR 2017, Algs. 4 and 5, for herding.
Differs: the means inside are not renormalised.
"""

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


class HerdingBuffer(ClassBalancedBuffer):
    """Keeps the clips of a class whose mean feature stays nearest to the mean of all.

    These exemplars lie in order of importance: :meth:`reduce` drops the least important.
    """

    @staticmethod
    def herd(features: Tensor, count: int) -> Tensor:
        """Choose ``count`` exemplars of a class, or all of its clips if there are fewer.

        ``features`` is (clip, feature), each of unit length; the result, int64 (chosen clip,)
        on the CPU, has the most important first.
        """
        mean = features.mean(dim=0)
        total = torch.zeros_like(mean)
        taken = torch.zeros(len(features), dtype=torch.bool, device=features.device)
        chosen = []
        for k in range(1, min(count, len(features)) + 1):
            distance = ((total + features) / k - mean).square().sum(dim=1)
            best = int(distance.masked_fill(taken, torch.inf).argmin())
            total = total + features[best]
            taken[best] = True
            chosen.append(best)
        return torch.tensor(chosen, dtype=torch.int64)
