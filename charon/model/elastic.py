"""Elastic units: blocks side by side, and a switch that picks a block for each row.

Source: Li et al., "Else-Net: Elastic Semantic Network for Continual Action Recognition from
Skeleton Data", ICCV 2021, for the idea. Differs: there is no public code; these layers were
designed here, see ``charon/learners/elsenet.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from charon.model.block import Skip, leaky_
from charon.model.initialise import initialise
from charon.model.kernels import convolve_and_normalise
from charon.model.network import Network
from charon.model.rows import Rows


@dataclass(frozen=True)
class Gumbel:
    """The random choice of switches in training: hard Gumbel-softmax."""

    temperature: float  # above 0, of the softmax that gives the choice its gradient
    generator: torch.Generator  # of the noise, on the CPU

    def choose(self, scores: Tensor) -> Tensor:
        """Choose a block for each row, one-hot (row, block), with the gradient of the softmax."""
        uniform = torch.rand(scores.shape, generator=self.generator).clamp(1e-9, 1 - 1e-7)
        noise = -(-uniform.log()).log()
        soft = ((scores + noise.to(scores)) / self.temperature).softmax(dim=1)
        hard = F.one_hot(soft.argmax(dim=1), soft.shape[1]).to(soft)
        return hard + soft - soft.detach()


class ElasticBlock(nn.Module):
    """A way through a unit: (row, in, token, unit) to (row, out, token, unit)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.within = nn.Conv2d(in_channels, out_channels, 1)
        self.within_norm = nn.BatchNorm2d(out_channels)
        self.across = nn.Conv2d(out_channels, out_channels, (1, 3), padding=(0, 1))
        self.across_norm = nn.BatchNorm2d(out_channels)
        self.skip = Skip(in_channels, out_channels, in_channels != out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Mix channels, then neighbouring units, and add the input."""
        z = leaky_(convolve_and_normalise(self.within, self.within_norm, x))
        z = convolve_and_normalise(self.across, self.across_norm, z)
        return leaky_(z.add_(self.skip(x)))


class ElasticUnit(nn.Module):
    """The blocks of a layer and body part, and the switch that picks a block for each row.

    The switch maps the mean input linearly to a score for each block. A new unit has no block;
    see :meth:`grow`.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.blocks = nn.ModuleList()
        self.switch_weight = nn.Parameter(torch.zeros(0, in_channels))
        self.switch_bias = nn.Parameter(torch.zeros(0))

    def grow(self, generator: torch.Generator) -> None:
        """Add a block; the scores of the others stay."""
        device = self.switch_weight.device
        with torch.device("meta"):
            block = ElasticBlock(self.in_channels, self.out_channels)
        initialise(block, generator)
        self.blocks.append(block.to(device))
        weight = nn.init.xavier_normal_(torch.empty(1, self.in_channels), generator=generator)
        self._set_switch(
            torch.cat([self.switch_weight.detach(), weight.to(device)]),
            torch.cat([self.switch_bias.detach(), torch.zeros(1, device=device)]),
        )

    def shrink(self) -> None:
        """Drop the newest block."""
        del self.blocks[-1]
        self._set_switch(self.switch_weight.detach()[:-1], self.switch_bias.detach()[:-1])

    def _set_switch(self, weight: Tensor, bias: Tensor) -> None:
        self.switch_weight = nn.Parameter(weight.clone())
        self.switch_bias = nn.Parameter(bias.clone())

    def forward(self, x: Tensor, gumbel: Gumbel | None) -> tuple[Tensor, Tensor]:
        """Send every row of (row, channel, token, unit) through a block.

        Where ``gumbel`` is None, the best score wins. Also returns each row's block, int64 (row,).
        """
        pooled = x.mean(dim=(2, 3), dtype=self.switch_weight.dtype)
        scores = F.linear(pooled, self.switch_weight, self.switch_bias)
        if gumbel is not None:
            # Every block sees every row: the gradient of the choice needs the outputs of all.
            weight = gumbel.choose(scores)
            share = weight.to(x.dtype)[:, :, None, None, None]
            parts = [share[:, k] * block(x) for k, block in enumerate(self.blocks)]
            return torch.stack(parts).sum(dim=0), weight.argmax(dim=1)
        choice = scores.argmax(dim=1)
        out = x.new_zeros(len(x), self.out_channels, *x.shape[2:])
        for k, block in enumerate(self.blocks):
            rows = (choice == k).nonzero().flatten()
            if len(rows) > 0:
                out = out.index_copy(0, rows, block(x[rows]))
        return out, choice


class ElasticNetwork(nn.Module):
    """A stem, two layers of elastic units with a path for each body part, and a classifier.

    The stem is the first half of a backbone's encoder (at least one block; blocks 1 to 4 of
    ``tiny``). The first layer widens its output to the backbone's feature, the second keeps
    that width. The means of the parts, concatenated, are a row's feature.

    ``backbone`` is a new network without a decoder, whose encoder is used up; ``parts`` are the
    joints of each body part; ``generator`` draws the initial weights, on the CPU.
    """

    def __init__(
        self, backbone: Network, parts: Sequence[Sequence[int]], generator: torch.Generator
    ) -> None:
        super().__init__()
        self.presence = backbone.presence
        self.stem = backbone.encoder
        blocks = list(self.stem.blocks)
        self.stem.blocks = nn.ModuleList(blocks[: max(1, len(blocks) // 2)])
        device = backbone.classifier.weight.device
        num_joints = backbone.num_joints
        self.tokens = [
            [f * num_joints + j for f in range(self.stem.frames_per_unit) for j in part]
            for part in parts
        ]
        width = backbone.classifier.in_features
        widths = ((self.stem.widths[len(self.stem.blocks) - 1], width), (width, width))
        self.layers = nn.ModuleList(
            nn.ModuleList(ElasticUnit(i, o) for _ in parts) for i, o in widths
        )
        num_classes = backbone.classifier.out_features
        with torch.device("meta"):
            self.classifier = nn.Linear(len(parts) * width, num_classes)
        initialise(self.classifier, generator)
        absent = torch.zeros(len(parts) * width)
        self.absent = None if backbone.absent is None else nn.Parameter(absent)
        for unit in self.units():
            unit.grow(generator)
        self.to(device)

    def units(self) -> list[ElasticUnit]:
        """Return all units, layer by layer."""
        return [module for module in self.modules() if isinstance(module, ElasticUnit)]

    def route(
        self, x: Tensor, present: Tensor, gumbel: Gumbel | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the features, (clip, feature), and each unit's choices, int64 (row,)."""
        rows = Rows.of(x, present, self.presence)
        z = self.stem(rows.gather(x))
        units = iter(self.units())
        paths, choices = [z[:, :, tokens] for tokens in self.tokens], list[Tensor]()
        for _ in self.layers:
            for part, path in enumerate(paths):
                paths[part], choice = next(units)(path, gumbel)
                choices.append(choice)
        kind = self.classifier.weight.dtype
        features = torch.cat([path.mean(dim=(2, 3), dtype=kind) for path in paths], dim=1)
        return rows.add_bodies(features, self.absent), choices

    def features(self, x: Tensor, present: Tensor) -> Tensor:
        """Return the features of whole clips by the best choices, (clip, feature)."""
        return self.route(x, present)[0]

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Classify whole clips by the best choices: logits, (clip, class)."""
        logits: Tensor = self.classifier(self.features(x, present))
        return logits

    def train(self, mode: bool = True) -> "ElasticNetwork":
        """Set the mode; frozen parts stay in eval mode, so that no statistic moves."""
        super().train(mode)
        blocks = [block for unit in self.units() for block in unit.blocks]
        for part in (self.stem, *blocks):
            if not any(parameter.requires_grad for parameter in part.parameters()):
                part.eval()
        return self

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **more: Any) -> Any:
        """Load a state; units grow or shrink to its blocks."""
        for name, unit in self.named_modules():
            if isinstance(unit, ElasticUnit):
                wanted = len(state_dict[f"{name}.switch_bias"])
                while len(unit.blocks) < wanted:
                    unit.grow(torch.Generator())
                while len(unit.blocks) > wanted:
                    unit.shrink()
        return super().load_state_dict(state_dict, *args, **more)
