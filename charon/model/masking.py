"""Masking: the parts of a row that the encoder sees.

A mask names what is *kept*, never what is hidden. ``post`` masking keeps whole tuples once
they are formed; ``pre`` masking keeps single frames before.

Source: CHARON Sec. 3.2 (masking ratio), Table 3 (random or deterministic, pre or post).
Differs: the paper does not define its deterministic and pre variants; these are stated here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from charon.errors import ConfigError

Masking = Literal["random", "deterministic"]
Position = Literal["post", "pre"]
Rounding = Literal["exact", "float"]


@dataclass(frozen=True)
class Kept:
    """The units the encoder sees."""

    index: Tensor  # int64 (row, kept unit), ascending in each row
    position: Position  # "post" if a unit is a tuple, "pre" if it is a frame

    def to(self, device: torch.device) -> "Kept":
        """Return these units with ``index`` on ``device``."""
        return Kept(self.index.to(device, non_blocking=True), self.position)


def num_kept(num_tuples: int, masking_ratio: float, rounding: Rounding = "exact") -> int:
    """Return how many of ``num_tuples`` tuples the encoder sees.

    Args:
        num_tuples: tuples of a whole clip, at least 1.
        masking_ratio: hidden fraction η, in [0, 1).
        rounding: ``"exact"`` is ``max(1, floor(T·(1-η) + 1e-6))``; ``"float"`` is
            ``int(T·(1-η))`` in floating point, as in the released code: a tuple too few
            where the product falls just below a whole number (η=0.8 keeps 3 of 20).

    Raises:
        ConfigError: ``"float"`` keeps no tuple, as for a computed η such as 19·0.05.
    """
    if rounding == "exact":
        return max(1, math.floor(num_tuples * (1 - masking_ratio) + 1e-6))
    kept = int(num_tuples * (1 - masking_ratio))
    if kept == 0:
        raise ConfigError(
            f"learner.masking_ratio={masking_ratio} keeps none of {num_tuples} tuples under "
            'mask_rounding="float"; lower it or use mask_rounding="exact".'
        )
    return kept


@dataclass(frozen=True)
class Masker:
    """Draws the units of each row that the encoder sees.

    ``"random"`` masking keeps a random subset; ``"deterministic"`` hides the units
    ``floor((j + 0.5) · U / h)`` for j = 0..h-1, h of U units being hidden, and draws nothing.
    Under ``"pre"`` the encoder sees as many frames as the kept tuples have.
    """

    num_tuples: int  # of a whole clip
    kept_tuples: int  # at least 1
    frames_per_tuple: int
    masking: Masking
    position: Position

    def draw(self, groups: Sequence[int], generator: torch.Generator) -> Kept:
        """Draw for each row independently, mini-batch by mini-batch, with a CPU generator.

        ``groups`` has the rows of each mini-batch; bodies of a clip are rows.
        """
        unit = self.frames_per_tuple if self.position == "pre" else 1
        units, kept = self.num_tuples * unit, self.kept_tuples * unit
        if self.masking == "deterministic":
            hidden = units - kept
            is_kept = torch.ones(units, dtype=torch.bool)
            is_kept[[(2 * j + 1) * units // (2 * hidden) for j in range(hidden)]] = False
            return Kept(is_kept.nonzero().squeeze(1).expand(sum(groups), kept), self.position)
        scores = [torch.rand(num_rows, units, generator=generator) for num_rows in groups]
        order = torch.cat(scores).argsort(dim=1)
        return Kept(order[:, :kept].sort(dim=1).values, self.position)


def hidden_frames(kept: Kept, num_frames: int, frames_per_tuple: int) -> Tensor:
    """Mark the frames of each row that the encoder does not see, bool (row, frame)."""
    size = frames_per_tuple if kept.position == "post" else 1
    hidden = torch.ones(len(kept.index), num_frames // size, dtype=torch.bool)
    hidden.scatter_(1, kept.index, value=False)
    return hidden.repeat_interleave(size, dim=1)


def take_units(x: Tensor, index: Tensor, dim: int) -> Tensor:
    """Keep the units at ``index``, (row, kept), along ``dim`` of (row, channel, ·, ·).

    The result is in channels-last memory, and so is its gradient.
    """
    last = x.permute(0, 2, 3, 1)
    return last.take_along_dim(_along(dim, index.to(x.device)), dim - 1).permute(0, 3, 1, 2)


def fill_units(x: Tensor, index: Tensor, dim: int, num_units: int, filling: Tensor) -> Tensor:
    """Undo :func:`take_units`: along ``dim``, ``num_units`` long, put kept units in their places.

    ``filling``, (channel,), the learned mask vector, stands everywhere else.
    """
    last = x.permute(0, 2, 3, 1)
    shape = list(last.shape)
    shape[dim - 1] = num_units
    whole = filling.to(x.dtype).expand(shape)
    places = _along(dim, index.to(x.device)).expand_as(last)
    return whole.scatter(dim - 1, places, last).permute(0, 3, 1, 2)


def _along(dim: int, index: Tensor) -> Tensor:
    """View (row, kept) as (row, ·, ·, channel), of 1 but for rows and ``dim``."""
    return index[:, :, None, None] if dim == 2 else index[:, None, :, None]
