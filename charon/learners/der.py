"""Dark experience replay (DER, DER++): hold remembered clips to the logits they once had.

Source: Buzzega et al., "Dark Experience for General Continual Learning: a Strong, Simple
Baseline", NeurIPS 2020, eqs. 5 and 6; two rows of CHARON's Table 1.
Differs: α and β are this project's choice (CHARON's own values), for its paper gives the
baselines only learning rate, batch and epochs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.base import Losses, View
from charon.learners.stream_loss import StreamLoss, StreamLossSettings, cross_entropy
from charon.model.network import Network
from charon.settings import checked


@dataclass(frozen=True)
class DerSettings(StreamLossSettings):
    """The weight of DER; the default is our choice, CHARON's value."""

    alpha: float = checked(0.3, "α, weight of the loss on stored logits (our choice)", at_least=0)


@dataclass(frozen=True)
class DerPlusPlusSettings(DerSettings):
    """The weights of DER++; the defaults are our choice, CHARON's values."""

    beta: float = checked(0.8, "β, weight of the loss on stored labels (our choice)", at_least=0)


class Der(StreamLoss):
    """Minimises CE(f(x), y) + α·MSE(f(x_M), z_M), a mean over all outputs.

    Clips are remembered as they are, not rotated, each with the logits of its rotated view
    in the training step that offers it. Every step of every epoch offers its batch.
    """

    settings: DerSettings
    network: Network
    stores_logits = True
    num_draws: ClassVar[int] = 1

    @property
    def beta(self) -> float:
        """The weight of the loss on replayed labels."""
        return 0.0

    def train_step(self, batch: Clips) -> Losses:
        """Take one step of SGD on the objective."""
        self.network.train()
        stream = View.of(self.augment(batch), self.network)
        replays = [self.draw() for _ in range(self.num_draws if len(self.memory) > 0 else 0)]
        views = tuple(View.of(self.augment(replay.clips), self.network) for replay in replays)
        stored = tuple(replay.logits for replay in replays)
        outputs, added = self.stream_outputs(), self.adjustment(self.beta)
        results = self.compute(self._learn, (stream, *views), stored, outputs, added)
        self.memory.offer(batch, results.pop("of stream"))
        return results

    def _learn(
        self,
        views: Sequence[View],
        stored: Sequence[Tensor],
        outputs: range | None,
        added: Tensor | None,
    ) -> Losses:
        """Take the step on what was drawn; also return the logits of the stream's clips.

        Args:
            views: of the stream, then of each replay.
            stored: logits of each replay.
            outputs: see :func:`charon.learners.stream_loss.cross_entropy`.
            added: see there.
        """
        stream, *replays = views
        logits = self.network.classify(stream.x, stream.rows)
        self.count_right(logits, stream.label)
        losses = {"ce": cross_entropy(logits, stream.label, outputs, added)}
        total = losses["ce"]
        if replays:
            for name, weight, loss in self.replay_terms(replays, stored, added):
                losses[name] = loss
                total = total + weight * loss
        return self.descend(total, losses) | {"of stream": logits.detach()}

    def replay_terms(
        self, replays: Sequence[View], stored: Sequence[Tensor], added: Tensor | None
    ) -> list[tuple[str, float, Tensor]]:
        """Return name, weight and value of what the memory adds to the objective."""
        logits = self.network.classify(replays[0].x, replays[0].rows)
        return [("logits", self.settings.alpha, F.mse_loss(logits, stored[0]))]


class DerPlusPlus(Der):
    """Adds β·CE(f(x_M'), y_M') to DER, on a second draw, independent of the first."""

    settings: DerPlusPlusSettings
    num_draws = 2

    @property
    def beta(self) -> float:
        """The weight of the loss on replayed labels."""
        return self.settings.beta

    def replay_terms(
        self, replays: Sequence[View], stored: Sequence[Tensor], added: Tensor | None
    ) -> list[tuple[str, float, Tensor]]:
        """Return DER's term and, after it, that on labels."""
        terms = super().replay_terms(replays, stored, added)
        logits = self.network.classify(replays[1].x, replays[1].rows)
        labels = cross_entropy(logits, replays[1].label, added=added)
        return [*terms, ("labels", self.beta, labels)]
