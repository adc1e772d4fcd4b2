"""Batch norm's statistics for evaluation, of as many clips of each class."""

import torch
from torch import nn

from charon.clips import Clips
from charon.learners.base import Learner

CLIPS_PER_CLASS = 16
"""Drawn with replacement; with 10 classes or more, 160 clips and all their frames and joints."""

CLIPS_AT_ONCE = 64


def balance_statistics(learner: Learner, clips: Clips, generator: torch.Generator) -> None:
    """Replace running means and variances by those of whole clips, equally many of each class.

    Clips of the task are taken from ``clips``, those of other classes from the memory, if there is
    one. What a network's switches never send through a layer leaves its statistics as they are.
    """
    memory = learner.memory
    stored = memory.labels.cpu() if memory is not None else clips.label.new_zeros(0, device="cpu")
    label = torch.cat([clips.label.cpu(), stored])
    rows = torch.cat([_draw(label == k, generator) for k in label.unique()])
    rows = rows[torch.randperm(len(rows), generator=generator)]
    norms = [part for part in learner.network.modules() if isinstance(part, nn.BatchNorm2d)]
    usual = [norm.momentum for norm in norms]
    learner.network.eval()
    for number, part in enumerate(rows.split(CLIPS_AT_ONCE), start=1):
        batch = clips.take(part[part < len(clips)])
        if memory is not None:
            batch = batch.join(memory.at(part[part >= len(clips)] - len(clips)).clips)
        for norm in norms:
            norm.train()
            norm.momentum = 1 / number  # the mean over the parts
        with torch.no_grad():
            learner.network(batch.x, batch.present)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum


def _draw(is_of_class: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw rows of a class, with replacement, int64."""
    rows = is_of_class.nonzero().flatten()
    return rows[torch.randint(len(rows), (CLIPS_PER_CLASS,), generator=generator)]
