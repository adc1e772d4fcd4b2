"""Herding: the clips of a class whose mean feature stays nearest to the mean of all.

Source: Rebuffi et al., "iCaRL", CVPR 2017, Algs. 4 and 5.
Differs: the means inside are not renormalised.
"""

import torch
from torch import Tensor

from charon.memory.class_balanced import ClassBalancedBuffer


class HerdingBuffer(ClassBalancedBuffer):
    """A class-balanced memory whose exemplars are chosen by their features.

    The exemplars of a class lie in order of importance: :meth:`reduce` drops the least
    important.
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
