"""Scores of evaluation clips, and what follows from them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from charon.clips import Clips
from charon.learners.base import Learner

CLIPS_AT_ONCE = 128
"""Clips scored at once; evaluation mode, so results do not depend on it."""


@dataclass(frozen=True)
class Scored:
    """The scores of one task's evaluation clips, on the CPU.

    Attributes:
        scores: float32 (clip, class).
        label: int64 (clip,).
        classes: the task's classes.
    """

    scores: Tensor
    label: Tensor
    classes: range

    def predictions(self, among: range) -> Tensor:
        """Return the best class of ``among`` for each clip, int64 (clip,)."""
        return self.scores[:, among.start : among.stop].argmax(dim=1) + among.start

    def accuracy(self, among: range) -> float:
        """Return the accuracy in percent when one of ``among`` is chosen."""
        return 100.0 * float((self.predictions(among) == self.label).double().mean())


def score(learner: Learner, clips: Clips, classes: range, device: torch.device) -> Scored:
    """Let a learner score the evaluation clips of a task, in batches."""
    parts = [
        learner.predict(clips.take(some).to(device)).float().cpu()
        for some in torch.arange(len(clips)).split(CLIPS_AT_ONCE)
    ]
    return Scored(torch.cat(parts), clips.label, classes)
