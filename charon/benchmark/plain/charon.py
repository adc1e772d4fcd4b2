"""CHARON's training step as written in the paper: one clip, then one pass, after the other.

Draws from copies of a fast learner's generators, so that both do the same with a batch.
"""

import copy

import torch
from torch.nn import functional as F

from charon.augmentation import rotation_matrices
from charon.benchmark.plain.network import PlainNetwork


class PlainCharon:
    """Takes a learner's weights, memory and random state; learns by itself from then on."""

    def __init__(self, learner):
        self.settings, setup = learner.settings, learner.setup
        self.rate = learner.optimiser.rule.param_groups[0]["lr"]
        self.limit = setup.augment.limit
        self.network = PlainNetwork(learner.network, training=True, dtype=torch.float32)
        self.presence = learner.network.presence
        self.masker = learner.masker
        self.memory = copy.deepcopy(learner.memory)
        self.rotating, self.masking = (
            copy.deepcopy(g) for g in (setup.augment.generator, learner.generators["masking"])
        )

    def train_step(self, batch):
        """One step of SGD on eq. 7; returns the losses and every weight's gradient."""
        gamma, alpha, beta = (getattr(self.settings, n) for n in ("gamma", "alpha", "beta"))
        x = self.rotate(batch.x)
        logits, rebuilding = self.autoencode(x, batch.present)
        losses = {"ce": F.cross_entropy(logits, batch.label), "reconstruction": rebuilding}
        total = losses["ce"] + gamma * rebuilding
        if len(self.memory) > 0:
            x, present, label, stored = self.draw()
            logits, rebuilding = self.autoencode(x, present)
            losses["logits"] = F.mse_loss(logits, stored)
            total = total + alpha * (losses["logits"] + gamma * rebuilding)
            if self.settings.replay_draws == 2:
                x, present, label, _ = self.draw()
                logits, rebuilding = self.autoencode(x, present)
            losses["labels"] = F.cross_entropy(logits, label)
            total = total + beta * (losses["labels"] + gamma * rebuilding)
        slopes = self.descend(total)
        return {name: loss.detach() for name, loss in losses.items()} | {
            "total": total.detach()
        }, slopes

    def classify(self, x, present):
        """Logits of whole clips, by the running statistics."""
        self.network.training = False
        logits, _ = self.network(x, self.presence_of(x, present), rebuilds=False)
        self.network.training = True
        return logits

    def predict(self, batch):
        """Logits of whole clips."""
        with torch.no_grad():
            return self.classify(batch.x, batch.present)

    def descend(self, total, part=""):
        """One step on the weights of a part, or on all; returns their gradients."""
        named = self.network.weights.items()
        learned = {n: w for n, w in named if w.requires_grad and n.startswith(part)}
        slopes = torch.autograd.grad(total, list(learned.values()))
        with torch.no_grad():
            for weight, slope in zip(learned.values(), slopes, strict=True):
                weight -= self.rate * slope
        return dict(zip(learned, slopes, strict=True))

    def rotate(self, x):
        angles = (torch.rand(len(x), 3, generator=self.rotating) * 2 - 1) * self.limit
        turned = [
            torch.einsum("ij,jfvb->ifvb", matrix, clip)
            for matrix, clip in zip(rotation_matrices(angles).to(x), x, strict=True)
        ]
        return torch.stack(turned)

    def draw(self):
        """One mini-batch of the memory, rotated: clips, presence, labels, logits."""
        order = torch.randperm(len(self.memory), generator=self.memory.generator)
        replay = self.memory.at(order[: self.settings.replay_batch_size])
        clips = replay.clips
        return self.rotate(clips.x), clips.present, clips.label, replay.logits

    def presence_of(self, x, present):
        if self.presence != "positive_sum":
            return present
        return torch.stack([torch.tensor([True, bool(clip[..., 1].sum() > 0)]) for clip in x])

    def autoencode(self, x, present):
        present = self.presence_of(x, present)
        num_rows = len(x) + int(present[:, 1:].sum())
        kept = self.masker.draw((num_rows,), self.masking)
        logits, rebuilt = self.network(x, present, kept)
        return logits, F.mse_loss(rebuilt, x.to(rebuilt.dtype))
