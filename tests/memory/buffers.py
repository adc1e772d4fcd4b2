"""Reservoirs of clips that say their number."""

import torch

from charon.clips import Clips
from charon.memory.reservoir import ReservoirBuffer
from charon.memory.thinned import Thinned

SHAPE = (2, 6, 1, 2)


def make_memory(capacity, shape=SHAPE, *, num_logits=0, interval=1, seed=0, codec=None):
    return ReservoirBuffer(
        capacity,
        codec or Thinned(shape, interval),
        num_logits=num_logits,
        device=torch.device("cpu"),
        generator=torch.Generator().manual_seed(seed),
    )


def numbered(first, count, shape=SHAPE):
    """Clips that say their number in every coordinate and as their label."""
    label = torch.arange(first, first + count)
    x = label.float().view(-1, 1, 1, 1, 1).expand(count, *shape).clone()
    present = torch.stack([torch.ones(count, dtype=torch.bool), label % 2 == 0], dim=1)
    return Clips(x, present[:, : shape[3]], label)
