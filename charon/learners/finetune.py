"""Fine-tuning (FT): learn each task in turn and do nothing against forgetting.

Source: the lower bound of CHARON, Table 1. On the joint stream the same learner is joint
training (JT), its upper bound.
"""

from dataclasses import dataclass

from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Learner, Losses, Setup, View
from charon.model.network import Network
from charon.settings import Settings


@dataclass(frozen=True)
class FinetuneSettings(Settings):
    """Fine-tuning has no settings."""


class Finetune(Learner):
    """Minimises the cross-entropy of the current task's clips."""

    network: Network

    def __init__(self, setup: Setup, settings: FinetuneSettings) -> None:
        super().__init__(setup, setup.make_network(with_decoder=False))

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on a batch."""
        self.network.train()
        return self.compute(self._learn, View.of(self.augment(batch), self.network))

    def _learn(self, view: View) -> Losses:
        logits = self.network.classify(view.x, view.rows)
        self.count_right(logits, view.label)
        return self.descend(F.cross_entropy(logits, view.label))
