"""Masking: the parts of a row that the encoder sees.

A mask names what is *kept*, never what is hidden. ``post`` masking keeps whole tuples once
they are formed; ``pre`` masking keeps single frames before.

Source: CHARON Sec. 3.2 (masking ratio), Table 3 (random or deterministic, pre or post).
Differs: the paper does not define its deterministic and pre variants; these are stated here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

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


@dataclass(frozen=True)
class Places:
    """The places of kept tuples in whole rows, whose hidden tuples are all alike.

    As long as tuples do not meet, what is computed of a hidden one is so for all of a row: it
    is computed once, as a tuple after the kept ones, and then stands in the place of each.
    """

    index: Tensor  # int64 (row, kept tuple), ascending in each row
    num_tuples: int  # of a whole row

    @property
    def num_hidden(self) -> int:
        """How many tuples of a row the last one stands for."""
        return self.num_tuples - self.index.shape[1]

    def fill(self, x: Tensor) -> Tensor:
        """Put (row, channel, token, kept tuple + 1) into whole rows."""
        return fill_units(x, self.index, 3, self.num_tuples)


def take_units(x: Tensor, index: Tensor, dim: int) -> Tensor:
    """Keep the units at ``index``, (row, kept), along ``dim`` of (row, channel, ·, ·).

    The result is in channels-last memory, and so is its gradient.
    """
    result: Tensor = _Taken.apply(x.permute(0, 2, 3, 1), index.to(x.device), dim - 1)  # type: ignore[no-untyped-call]
    return result.permute(0, 3, 1, 2)


def fill_units(x: Tensor, index: Tensor, dim: int, num_units: int) -> Tensor:
    """Undo :func:`take_units`: along ``dim``, put kept units in their places of ``num_units``.

    ``x`` has a unit more than ``index``: the last one, which stands everywhere else. The result
    is in channels-last memory, and so is its gradient.
    """
    kept = index.shape[1]
    units = torch.arange(kept, device=x.device).expand_as(index)
    places = torch.full((len(index), num_units), kept, device=x.device)
    places.scatter_(1, index.to(x.device), units)
    result: Tensor = _Filled.apply(x.permute(0, 2, 3, 1), places, dim - 1)  # type: ignore[no-untyped-call]
    return result.permute(0, 3, 1, 2)


def append_unit(x: Tensor, unit: Tensor, dim: int) -> Tensor:
    """Append to each row, along ``dim`` of (row, channel, ·, ·), a unit of (channel,) alone."""
    last = x.permute(0, 2, 3, 1)
    shape = list(last.shape)
    shape[dim - 1] = 1
    return torch.cat([last, unit.to(x.dtype).expand(shape)], dim=dim - 1).permute(0, 3, 1, 2)


class _Taken(torch.autograd.Function):
    """Select units by (row, unit) of channels-last rows; none is selected twice."""

    @staticmethod
    def forward(ctx: Any, last: Tensor, index: Tensor, dim: int) -> Tensor:
        ctx.shape, ctx.dim = last.shape, dim
        ctx.save_for_backward(index)
        return _select(last, index, dim)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        (slope,), (index,) = slopes, ctx.saved_tensors
        whole = slope.new_zeros(ctx.shape)
        flat = _flat(index, ctx.shape, ctx.dim)
        whole.flatten(0, 2).index_copy_(0, flat, slope.flatten(0, 2))
        return whole, None, None


class _Filled(torch.autograd.Function):
    """Select units by (row, unit) of channels-last rows; all but the last one once."""

    @staticmethod
    def forward(ctx: Any, last: Tensor, places: Tensor, dim: int) -> Tensor:
        ctx.kept, ctx.dim = last.shape[dim] - 1, dim
        ctx.save_for_backward(places)
        return _select(last, places, dim)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        (places,) = ctx.saved_tensors
        # Selecting in the order of kept units adds nothing up at random, as a GPU would.
        ordered = _select(slopes[0], places.argsort(dim=1, stable=True), ctx.dim)
        hidden = ordered.narrow(ctx.dim, ctx.kept, places.shape[1] - ctx.kept)
        total = hidden.sum(ctx.dim, keepdim=True)
        return torch.cat([ordered.narrow(ctx.dim, 0, ctx.kept), total], dim=ctx.dim), None, None


def _select(last: Tensor, index: Tensor, dim: int) -> Tensor:
    """Select the units at (row, unit) along dimension 1 or 2 of (row, ·, ·, channel)."""
    shape = list(last.shape)
    shape[dim] = index.shape[1]
    return last.reshape(-1, shape[3]).index_select(0, _flat(index, last.shape, dim)).view(shape)


def _flat(index: Tensor, shape: Sequence[int], dim: int) -> Tensor:
    """Return the places of units, (row, unit), among all vectors of (row, ·, ·, channel)."""
    rows, tokens, tuples, _ = shape
    row = torch.arange(rows, device=index.device)[:, None, None] * (tokens * tuples)
    if dim == 1:
        flat = row + index[:, :, None] * tuples + torch.arange(tuples, device=index.device)
    else:
        token = torch.arange(tokens, device=index.device)[:, None] * tuples
        flat = row + token + index[:, None, :]
    return flat.flatten()
