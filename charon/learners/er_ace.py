"""ER-ACE: experience replay whose loss on the stream leaves the outputs of old classes alone.

Source: Caccia et al., "New Insights on Reducing Abrupt Representation Change in Online Continual
Learning", ICLR 2022 (arXiv 2104.05025), eq. 4.
"""

from dataclasses import dataclass

from charon.clips import Clips
from charon.learners.base import Losses
from charon.learners.rehearsal import Rehearsal, ReservoirSettings
from charon.learners.stream_loss import cross_entropy


@dataclass(frozen=True)
class ErAceSettings(ReservoirSettings):
    """ER-ACE has no settings but its memory's."""


class ErAce(Rehearsal):
    """Minimises CE(f(x), y) over the task's outputs + CE(f(x_M), y_M) over those seen.

    The stream's clips so pull no output of an old class down. Each mini-batch has its own forward
    and batch statistics; every batch is then offered to the memory, in every epoch.
    """

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on the objective."""
        self.network.train()
        stream = self.augment(batch)
        outputs = self.network(stream.x, stream.present)
        self.count_right(outputs, stream.label)
        losses = {"ce": cross_entropy(outputs, stream.label, self.classes)}
        total = losses["ce"]
        if len(self.memory) > 0:
            outputs, replay = self.replay()
            seen = range(self.classes.stop)
            losses["labels"] = cross_entropy(outputs, replay.clips.label, seen)
            total = total + losses["labels"]
        losses = self.descend(total, losses)
        self.memory.offer(batch)
        return losses
