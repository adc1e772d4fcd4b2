"""Fine-tuning (FT): learn each task in turn and do nothing against forgetting.

Source: the lower bound of CHARON, Table 1. On the joint stream the same learner is joint
training (JT), its upper bound.
"""

from dataclasses import dataclass

from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Learner, Losses, Setup
from charon.settings import Settings


@dataclass(frozen=True)
class FinetuneSettings(Settings):
    """Fine-tuning has no settings."""


class Finetune(Learner):
    """Minimises the cross-entropy of the current task's clips."""

    def __init__(self, setup: Setup, settings: FinetuneSettings) -> None:
        super().__init__(setup, setup.make_network(with_decoder=False))

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on a batch."""
        self.network.train()
        clips = self.augment(batch)
        logits = self.network(clips.x, clips.present)
        self.count_right(logits, batch)
        return self.descend(F.cross_entropy(logits, clips.label))
