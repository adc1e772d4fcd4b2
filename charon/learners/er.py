"""Experience replay (ER): learn the task's clips and remembered clips together.

Source: Chaudhry et al., "On Tiny Episodic Memories in Continual Learning", 2019; a row of
CHARON's Table 1.
"""

from dataclasses import dataclass

from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Losses
from charon.learners.rehearsal import Rehearsal, ReplaySettings


@dataclass(frozen=True)
class ErSettings(ReplaySettings):
    """Experience replay has no settings but its memory's."""


class Er(Rehearsal):
    """Minimises one cross-entropy over a batch of the stream and one of the memory.

    Both go through one forward, so that they share their batch statistics; every batch is
    then offered to the reservoir, in every epoch.
    """

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on CE(x ∪ x_M, y ∪ y_M)."""
        self.network.train()
        both = self.augment(batch.join(self.draw().clips))
        logits = self.network(both.x, both.present)
        self.count_right(logits, batch)
        losses = self.descend(F.cross_entropy(logits, both.label))
        self.memory.offer(batch)
        return losses
