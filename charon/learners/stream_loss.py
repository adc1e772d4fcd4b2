"""Cross-entropies that do not favour the classes of the task being learned.

Sources: Caccia et al., "New Insights on Reducing Abrupt Representation Change in Online Continual
Learning", ICLR 2022 (outputs of the task alone); Menon et al., "Long-tail Learning via Logit
Adjustment", ICLR 2021, and Huang et al., arXiv 2311.06460, for continual learning.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from charon.clips import Clips
from charon.learners.rehearsal import Rehearsal, ReservoirSettings
from charon.settings import checked

LEAST_SHARE = 1e-8
"""Of a class that no label has: its log is still finite."""


@dataclass(frozen=True)
class StreamLossSettings(ReservoirSettings):
    """What the stream's loss does to classes that the stream does not have."""

    stream_outputs: Literal["all", "task"] = checked(
        "all", "outputs in the stream's cross-entropy: all, or the task's alone, as in ER-ACE"
    )
    logit_adjustment: float = checked(
        0.0,
        "τ: in losses on labels, τ times the log of a class's share is added to its logit",
        at_least=0,
    )


class StreamLoss(Rehearsal):
    """A learner whose losses on labels can be adjusted.

    Attributes:
        label_counts: clips of each class in the task, (class,).
    """

    settings: StreamLossSettings

    def training_set(self, clips: Clips) -> Clips:
        """Count the task's labels."""
        num_classes = self.setup.num_classes
        self.label_counts = torch.bincount(clips.label, minlength=num_classes)
        return clips

    def stream_outputs(self) -> range | None:
        """Return the outputs in the stream's cross-entropy; None for all."""
        return self.classes if self.settings.stream_outputs == "task" else None

    def label_shares(self, replayed: float) -> Tensor:
        """Return the share of each class in the losses on labels, (class,).

        ``replayed`` is the weight of the loss on replayed labels; that of the stream has 1.
        """
        stored = torch.bincount(self.memory.labels, minlength=self.setup.num_classes)
        weight = replayed if len(self.memory) else 0.0
        shares = self.label_counts / self.label_counts.sum()
        return (shares + weight * stored / max(1, len(self.memory))) / (1 + weight)

    def class_weights(self, replayed: float) -> Tensor:
        """Return weights, (class,), with which each class seen counts alike; their mean is 1."""
        shares = self.label_shares(replayed)
        return 1 / (shares.clamp(min=LEAST_SHARE) * (shares > 0).sum())

    def adjustment(self, replayed: float) -> Tensor | None:
        """Return what is added to logits in losses on labels, (class,); None with τ = 0."""
        strength = self.settings.logit_adjustment
        if not strength:
            return None
        return strength * self.label_shares(replayed).clamp(min=LEAST_SHARE).log()


def cross_entropy(
    logits: Tensor,
    label: Tensor,
    outputs: range | None = None,
    added: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Return the mean cross-entropy.

    Args:
        logits: (clip, class), of all classes.
        label: int64 (clip,).
        outputs: those that take part, to which all labels belong; None for all.
        added: to the logits of each class, (class,); None for nothing.
        weights: of the clips of each class, (class,); None for 1.
    """
    if added is not None:
        logits = logits + added
    if outputs is not None:
        logits, label = logits[:, outputs.start : outputs.stop], label - outputs.start
    if weights is None:
        return F.cross_entropy(logits, label)
    return (F.cross_entropy(logits, label, reduction="none") * weights[label]).mean()
