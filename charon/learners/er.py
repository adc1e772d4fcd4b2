"""Experience replay (ER): learn the task's clips and remembered clips together.

Source: Chaudhry et al., "On Tiny Episodic Memories in Continual Learning", 2019; a row of
CHARON's Table 1.
"""

from dataclasses import dataclass

from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Losses, View
from charon.learners.rehearsal import Rehearsal, ReservoirSettings
from charon.model.network import Network


@dataclass(frozen=True)
class ErSettings(ReservoirSettings):
    """Experience replay has no settings but its memory's."""


class Er(Rehearsal):
    """Minimises one cross-entropy over a batch of the stream and one of the memory.

    Both go through one forward, so that they share their batch statistics; every batch is
    then offered to the reservoir, in every epoch.
    """

    network: Network

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on CE(x ∪ x_M, y ∪ y_M)."""
        self.network.train()
        both = self.augment(batch.join(self.draw().clips))
        losses = self.compute(self._learn, View.of(both, self.network), len(batch))
        self.memory.offer(batch)
        return losses

    def _learn(self, view: View, count: int) -> Losses:
        """Take the step on clips of which the first ``count`` are the stream's."""
        logits = self.network.classify(view.x, view.rows)
        self.count_right(logits[:count], view.label[:count])
        return self.descend(F.cross_entropy(logits, view.label))
