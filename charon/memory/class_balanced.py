"""Class-balanced sampling: as many clips of every class, at random or by herding.

Source: Rebuffi et al., "iCaRL", CVPR 2017, Algs. 4 and 5, for herding.
Differs: the means inside are not renormalised.
"""

import torch
from torch import Tensor

from charon.clips import Clips
from charon.memory.buffer import Buffer


class ClassBalancedBuffer(Buffer):
    """Keeps an equal share of every class seen; :meth:`reduce` makes room for new classes.

    A share is in units of the budget; of a class's clips those first that fit it are kept.
    """

    def share(self, num_classes: int) -> int:
        """Return the share of each of so many classes."""
        return self.budget.limit // num_classes

    def reduce(self, share: int) -> None:
        """Keep the first stored clips of every class that fit its share."""
        kept, taken = [], dict[int, int]()
        for slot, (label, cost) in enumerate(
            zip(self.labels.tolist(), self.costs.tolist(), strict=True)
        ):
            taken[label] = taken.get(label, 0) + cost
            if taken[label] <= share:
                kept.append(slot)
        self._keep(torch.tensor(kept, dtype=torch.int64))

    def assign(self, clips: Clips) -> dict[int, int]:
        """Fill free slots, one a clip.

        Raises:
            ValueError: the clips are too many for what is free of the budget.
        """
        first, stop = len(self), len(self) + len(clips)
        if int(self.costs.sum() + self.budget.costs(clips.present).sum()) > self.budget.limit:
            raise ValueError(f"{stop} clips do not fit a memory of {self.capacity}.")
        return dict(zip(range(first, stop), range(len(clips)), strict=True))

    def first_that_fit(self, rows: Tensor, present: Tensor, share: int) -> Tensor:
        """Return those of ``rows`` of (clip, body) ``present``, in order, that fit a share."""
        return rows[self.budget.costs(present[rows]).cumsum(dim=0) <= share]

    def choose(self, clips: Clips, classes: range) -> Tensor:
        """Choose clips of new classes at random, an equal share of what is free for each.

        Units left over go to classes drawn at random, one each. The result, int64 (chosen
        clip,) on the CPU, goes class by class.
        """
        label = clips.label.cpu()
        free = self.budget.limit - int(self.costs.sum())
        each, rest = divmod(free, len(classes))
        order = torch.randperm(len(label), generator=self.generator)
        drawn = torch.randperm(len(classes), generator=self.generator)[:rest] + classes.start
        share = {k: each + (k in drawn.tolist()) for k in classes}
        return torch.cat(
            [
                self.first_that_fit(order[label[order] == k], clips.present, share[k])
                for k in classes
            ]
        )


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
