"""Dark experience replay (DER, DER++): hold remembered clips to the logits they once had.

Source: Buzzega et al., "Dark Experience for General Continual Learning: a Strong, Simple
Baseline", NeurIPS 2020, eqs. 5 and 6; two rows of CHARON's Table 1.
Differs: α and β are this project's choice (CHARON's own values), for its paper gives the
baselines only learning rate, batch and epochs.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Losses
from charon.learners.rehearsal import Rehearsal, ReplaySettings
from charon.settings import checked


@dataclass(frozen=True)
class DerSettings(ReplaySettings):
    """The weight of DER; the default is our choice, CHARON's value."""

    alpha: float = checked(0.3, "α, weight of the loss on stored logits (our choice)", at_least=0)


@dataclass(frozen=True)
class DerPlusPlusSettings(DerSettings):
    """The weights of DER++; the defaults are our choice, CHARON's values."""

    beta: float = checked(0.8, "β, weight of the loss on stored labels (our choice)", at_least=0)


class Der(Rehearsal):
    """Minimises CE(f(x), y) + α·MSE(f(x_M), z_M), a mean over all outputs.

    Clips are remembered as they are, not rotated, each with the logits of its rotated view
    in the training step that offers it. Every step of every epoch offers its batch.
    """

    settings: DerSettings
    stores_logits = True

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on the objective."""
        self.network.train()
        stream = self.augment(batch)
        logits = self.network(stream.x, stream.present)
        self.count_right(logits, batch)
        losses = {"ce": F.cross_entropy(logits, stream.label)}
        total = losses["ce"]
        if len(self.memory) > 0:
            for name, weight, loss in self.replay_terms():
                losses[name] = loss
                total = total + weight * loss
        losses = self.descend(total, losses)
        self.memory.offer(batch, logits)
        return losses

    def replay_terms(self) -> list[tuple[str, float, Tensor]]:
        """Return name, weight and value of what the memory adds to the objective."""
        logits, replay = self.replay()
        return [("logits", self.settings.alpha, F.mse_loss(logits, replay.logits))]


class DerPlusPlus(Der):
    """Adds β·CE(f(x_M'), y_M') to DER, on a second draw, independent of the first."""

    settings: DerPlusPlusSettings

    def replay_terms(self) -> list[tuple[str, float, Tensor]]:
        """Return DER's term and, after it, that on labels."""
        terms = super().replay_terms()
        logits, replay = self.replay()
        labels = F.cross_entropy(logits, replay.clips.label)
        return [*terms, ("labels", self.settings.beta, labels)]
