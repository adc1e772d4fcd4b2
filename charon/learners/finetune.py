"""Fine-tuning (FT): learn each task in turn and do nothing against forgetting.

Source: the lower bound of CHARON, Table 1. On the joint stream the same learner is joint
training (JT), its upper bound.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Learner, Losses, Phase, Setup
from charon.settings import Settings


@dataclass(frozen=True)
class FinetuneSettings(Settings):
    """Fine-tuning has no settings of its own."""


class Finetune(Learner):
    """Minimises the cross-entropy of the current task's clips."""

    def __init__(self, setup: Setup, settings: FinetuneSettings) -> None:
        super().__init__(setup, settings)
        self.network = setup.make_network(with_decoder=False)
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=setup.learning_rate)

    def phases(self) -> Sequence[Phase]:
        """One main phase."""
        return [Phase("train", self.setup.epochs, self.train_step)]

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on one batch."""
        self.network.train()
        clips = self.augment(batch)
        loss = F.cross_entropy(self.network(clips.x, clips.present), clips.label)
        self.descend(loss)
        return {"total": loss.detach()}
