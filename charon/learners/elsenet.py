"""Else-Net: grow the network by blocks for new actions, and preserve those they do not need.

Source: Li et al., "Else-Net: Elastic Semantic Network for Continual Action Recognition from
Skeleton Data", ICCV 2021; a row of CHARON's Table 1.

This is a reconstruction: there is no public code, and CHARON's paper gives no details.

Known: a backbone; on it layers of elastic units, with a path for each semantic part of the
body; in a unit several blocks and a switch that picks the most relevant; for new actions a
search among the blocks there are and a new one, an update of the relevant, and the rest
preserved. Table 1's numbers change with M, so it ran with a rehearsal memory.

Chosen by this project: everything else. The stem is the first half of CHARON's encoder,
frozen after the first task; two elastic layers; a block is a 1x1 and a (3, 1) convolution with
a residual; a switch is linear on its unit's mean input and picks by the hard Gumbel-softmax;
each person is routed alone; the search comes before the main phase and lasts a tenth of its
epochs more, its temperature falling from 1 to 0.5, where the main phase stays; the thresholds
of what is dropped and what is relevant; experience replay's loss, in both phases, with the
memory offered clips in the main phase only. None of it was tuned to published numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch.nn import functional as F

from charon.clips import Clips
from charon.errors import ConfigError
from charon.learners.base import Losses, Phase, Setup
from charon.learners.rehearsal import Rehearsal, ReservoirSettings
from charon.model.elastic import ElasticNetwork, Gumbel
from charon.settings import checked

FIRST_TEMPERATURE, LAST_TEMPERATURE = 1.0, 0.5
"""Of the Gumbel-softmax, at the begin and the end of the search."""

RELEVANT = 0.2
"""Share of a task's rows that must take an old block for it to be updated."""


@dataclass(frozen=True)
class ElseNetSettings(ReservoirSettings):
    """Whether the stem goes on learning, beside the memory's settings."""

    train_stem: bool = checked(
        False, "whether the stem also learns after the first task (our choice: no)"
    )

    @property
    def why_new_classes(self) -> str:
        """Why each task needs new classes."""
        return "it grows for new classes"


class ElseNet(Rehearsal):
    """Minimises one cross-entropy over stream and memory, by the blocks that are relevant."""

    settings: ElseNetSettings
    network: ElasticNetwork

    def __init__(self, setup: Setup, settings: ElseNetSettings) -> None:
        if not setup.parts:
            raise ConfigError(
                "learner=elsenet needs the parts of the body, but the data names none; add "
                "them to it (an array `parts` of an .npz: the part of each joint, from 0)."
            )
        blocks, backbone = setup.generator("blocks"), setup.make_network(with_decoder=False)
        network = ElasticNetwork(backbone, list(setup.parts.values()), blocks)
        super().__init__(setup, settings, network)
        self.generators["blocks"] = blocks
        self.generators["switches"] = setup.generator("switches")
        self.first_size = self._growing_bytes()
        # Of each unit, how many rows took each block; counted before it is decided.
        self.usage: list[torch.Tensor] = []

    def phases(self) -> Iterator[Phase]:
        """After the first task: search, count who takes which block, decide. Then learn."""
        if self.classes.start > 0:
            self.explore()
            epochs = max(1, round(self.setup.epochs / 10))
            for done in torch.linspace(0, 1, epochs).tolist():
                temperature = FIRST_TEMPERATURE + done * (LAST_TEMPERATURE - FIRST_TEMPERATURE)
                yield Phase("search", 1, partial(self.step, temperature=temperature))
            yield Phase("count", 1, self.count_step)
            self.decide()
        yield Phase("train", self.setup.epochs, self.train_step)

    def explore(self) -> None:
        """Give every unit one more block; freeze the others."""
        self.network.stem.requires_grad_(self.settings.train_stem)
        for unit in self.network.units():
            unit.blocks.requires_grad_(False)
            unit.grow(self.generators["blocks"])
        self.usage = [torch.zeros(len(unit.blocks)) for unit in self.network.units()]
        self.optimiser.follow()  # new switches begin without state

    def decide(self) -> None:
        """Drop new blocks that few rows take; let the old ones learn that many take.

        Of k blocks, the new one goes if less than 1/k of the rows take it.
        """
        for unit, count in zip(self.network.units(), self.usage, strict=True):
            share = count / count.sum()
            if share[-1] < 1 / len(share):
                unit.shrink()
                share = share[:-1]
            for block, taken in zip(unit.blocks, share.tolist(), strict=True):
                is_new = len(share) == len(count) and block is unit.blocks[-1]
                block.requires_grad_(is_new or taken >= RELEVANT)
        self.optimiser.follow()  # new switches begin without state

    def count_step(self, batch: Clips) -> Losses:
        """Count which blocks the clips take, as they are."""
        self.network.eval()
        with torch.no_grad():
            _, choices = self.network.route(batch.x, batch.present)
        for count, choice in zip(self.usage, choices, strict=True):
            count += torch.bincount(choice, minlength=len(count)).cpu()
        return {}

    def train_step(self, batch: Clips) -> Losses:
        """Take one step with the blocks that are relevant; offer the batch to the memory."""
        losses = self.step(batch, LAST_TEMPERATURE)
        self.memory.offer(batch)
        return losses

    def step(self, batch: Clips, temperature: float) -> Losses:
        """Take one step of SGD on CE(x ∪ x_M, y ∪ y_M) with all that is not frozen."""
        self.network.train()
        both = self.augment(batch.join(self.draw().clips))
        gumbel = Gumbel(temperature, self.generators["switches"])
        features, _ = self.network.route(both.x, both.present, gumbel)
        logits = self.network.classifier(features)
        self.count_right(logits[: len(batch)], batch.label)
        return self.descend(F.cross_entropy(logits, both.label))

    def _growing_bytes(self) -> int:
        """Return the bytes of all blocks and switches."""
        states = [unit.state_dict() for unit in self.network.units()]
        return sum(tensor.nbytes for state in states for tensor in state.values())

    def bytes_beside(self) -> int:
        """Add the bytes of what has grown since the first task."""
        return super().bytes_beside() + self._growing_bytes() - self.first_size
