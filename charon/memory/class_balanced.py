"""The memory of learners that choose what to keep: as many exemplars of every class.

Source: Rebuffi et al., "iCaRL", CVPR 2017, Algs. 4 and 5.
"""

import torch
from torch import Tensor

from charon.clips import Clips
from charon.memory.storage import ThinnedClips


class Exemplars(ThinnedClips):
    """Stores exemplars, each class's in order of importance; arguments as its base's."""

    def reduce(self, per_class: int) -> None:
        """Keep the first ``per_class`` exemplars of every class."""
        kept, count = [], dict[int, int]()
        for slot, label in enumerate(self.labels.tolist()):
            count[label] = count.get(label, 0) + 1
            if count[label] <= per_class:
                kept.append(slot)
        self._keep(torch.tensor(kept, dtype=torch.int64))

    def add(self, clips: Clips, logits: Tensor | None = None) -> None:
        """Store whole, not augmented clips, the most important of each class first.

        Args:
            clips: to be thinned and stored.
            logits: (clip, class), given exactly if the memory stores logits.

        Raises:
            ValueError: there is no room for them.
        """
        first, stop = len(self), len(self) + len(clips)
        if stop > self.capacity:
            raise ValueError(f"{stop} exemplars do not fit a memory of {self.capacity}.")
        if len(clips) > 0:
            self._put(torch.arange(first, stop), clips)
        if logits is not None:
            self.replace_logits(torch.arange(first, stop), logits)


def herd(features: Tensor, count: int) -> Tensor:
    """Choose clips whose mean feature stays nearest to the mean of all, one after the other.

    Source: iCaRL, Alg. 4. Differs: the means inside are not renormalised.

    Args:
        features: (clip, feature), each of unit length.
        count: how many are wanted; all are chosen where there are no more.

    Returns:
        int64 (chosen clip,) on the CPU, the most important first.
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
