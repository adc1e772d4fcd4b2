"""Reservoirs of clips that say their number."""

import torch

from charon.clips import Clips
from charon.memory.budget import Budget
from charon.memory.codecs.thinned import Thinned
from charon.memory.reservoir import ReservoirBuffer
from charon.memory.store import PresentBodies, WholeClips

SHAPE = (2, 6, 1, 2)


def make_memory(
    capacity, shape=SHAPE, *, num_logits=0, interval=1, seed=0, codec=None, kind=ReservoirBuffer
):
    device = torch.device("cpu")
    codec = codec or Thinned(shape, interval)
    return kind(
        Budget(capacity),
        WholeClips(capacity, codec, device),
        num_logits=num_logits,
        device=device,
        generator=torch.Generator().manual_seed(seed),
    )


def of_bodies(budget, *, interval=1, seed=0, kind=ReservoirBuffer):
    """A memory of present bodies alone, whose budget is in bytes."""
    device = torch.device("cpu")
    codec = Thinned((*SHAPE[:3], 1), interval)
    rows = budget.most_bodies(2)
    return kind(
        budget,
        PresentBodies(budget.most_clips, rows, codec, 2, device),
        device=device,
        generator=torch.Generator().manual_seed(seed),
    )


def numbered(first, count, shape=SHAPE):
    """Clips that say their number in every coordinate and as their label."""
    label = torch.arange(first, first + count)
    present = torch.stack([torch.ones(count, dtype=torch.bool), label % 2 == 0], dim=1)
    present = present[:, : shape[3]]
    x = label.float().view(-1, 1, 1, 1, 1).expand(count, *shape).clone()
    return Clips(x, present, label)
