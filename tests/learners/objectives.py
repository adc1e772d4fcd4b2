"""Objectives written out by hand, and a copy of a learner whose random draws they replay."""

import copy

import torch
from tiny_runs import random_clips

from charon.augmentation import rotation_matrices

RATE = 0.05


def cross_entropy(logits, labels):
    """The mean over clips of minus the log of the softmax at the label."""
    chances = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
    return -torch.stack([chances[n, y].log() for n, y in enumerate(labels)]).mean()


def mean_square(one, other):
    return ((one - other) ** 2).sum() / one.numel()


def weights(learner):
    return {name: tensor.clone() for name, tensor in learner.network.state_dict().items()}


def assert_close(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-5, atol=1e-6, msg=name)


def fill(learner, num_clips=7, *, with_logits):
    """Put that many clips in a learner's memory, and logits with them."""
    # Not any seed: where an activation is within rounding of 0, its slope is a toss-up.
    clips = random_clips(num_clips, seed=11)
    logits = torch.randn(num_clips, 6, generator=torch.Generator().manual_seed(3))
    learner.memory.offer(clips, logits if with_logits else None)
    return learner


class Copy:
    """Replays a learner's random draws on a copy of it."""

    def __init__(self, learner):
        self.learner = copy.deepcopy(learner)
        self.network = self.learner.network
        self.augment = self.learner.augment.generator

    def rotate(self, x):
        angles = (torch.rand(len(x), 3, generator=self.augment) * 2 - 1) * 0.3
        turned = torch.empty_like(x)
        for n, matrix in enumerate(rotation_matrices(angles)):
            for i in range(3):
                turned[n, i] = sum(matrix[i, j] * x[n, j] for j in range(3))
        return turned

    def draw(self, num_clips=4):
        """One mini-batch of the memory: clips, presence, labels, logits."""
        memory = self.learner.memory
        slots = torch.randperm(len(memory), generator=memory.generator)[:num_clips]
        held = memory.at(slots)
        return held.clips.x, held.clips.present, held.clips.label, held.logits

    def descend(self, loss, names=None):
        """Return the weights after one step of gradient descent on these (all if None)."""
        parameters = dict(self.network.named_parameters())
        chosen = [parameters[name] for name in (parameters if names is None else names)]
        # Biases that batch norm takes away again have no part in the loss.
        slopes = torch.autograd.grad(loss, chosen, allow_unused=True, materialize_grads=True)
        for parameter, slope in zip(chosen, slopes, strict=True):
            parameter.data -= RATE * slope
        return self.network.state_dict()
