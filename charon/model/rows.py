"""Bodies as rows: a clip of two people is two rows of the network's batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Presence = Literal["data", "positive_sum"]


@dataclass(frozen=True)
class Rows:
    """The clip and the body of each row of the network's batch.

    A batch may be several mini-batches in a row. Each has the first bodies of all its clips,
    then the second bodies that are present. The tensors are on the device of the clips.
    """

    clip: Tensor  # int64 (row,)
    body: Tensor  # int64 (row,)
    first: Tensor  # int64 (clip,), the row of each clip's first body
    second: Tensor  # int64, the rows of second bodies
    groups: tuple[int, ...]  # rows of each mini-batch

    @staticmethod
    def of(
        x: Tensor, present: Tensor, presence: Presence = "data", sizes: Sequence[int] = ()
    ) -> "Rows":
        """Return the rows of a batch of clips.

        Args:
            x: (clip, channel, frame, joint, body).
            present: bool (clip, body) on the CPU. A clip always has its first row, so
                ``present[:, 0]`` is ignored.
            presence: ``"data"`` believes ``present``; ``"positive_sum"`` calls a second body
                present where its coordinates sum to more than 0.
            sizes: clips of each mini-batch; empty for a single one.
        """
        if presence == "positive_sum" and present.shape[1] == 2:
            present = (x.sum(dim=(1, 2, 3)) > 0).cpu()
        clips, bodies = [], []
        for first in torch.arange(len(present)).split(list(sizes) or len(present)):
            second = first[present[first, 1]] if present.shape[1] > 1 else first[:0]
            clips.append(torch.cat([first, second]))
            bodies.append(torch.cat([torch.zeros_like(first), torch.ones_like(second)]))
        clip, body = torch.cat(clips), torch.cat(bodies)
        return Rows(
            clip.to(x.device, non_blocking=True),
            body.to(x.device, non_blocking=True),
            (body == 0).nonzero().squeeze(1).to(x.device, non_blocking=True),
            body.nonzero().squeeze(1).to(x.device, non_blocking=True),
            tuple(len(part) for part in clips),
        )

    def gather(self, x: Tensor) -> Tensor:
        """Cut (clip, channel, frame, joint, body) into (row, channel, frame, joint)."""
        return x.permute(0, 4, 1, 2, 3)[self.clip, self.body]

    def scatter(self, rows: Tensor, num_bodies: int) -> Tensor:
        """Put (row, channel, frame, joint) back into clips; absent bodies are zeros."""
        clips = rows.new_zeros(len(self.first), num_bodies, *rows.shape[1:])
        return clips.index_put((self.clip, self.body), rows).permute(0, 2, 3, 4, 1)

    def add_bodies(self, features: Tensor, absent: Tensor | None) -> Tensor:
        """Add the features, (row, feature), of each clip's bodies: (clip, feature).

        ``absent`` stands for an absent second body; None for data of a single body.
        """
        first = features[self.first]
        if absent is None:
            return first
        second = (self.clip[self.second],), features[self.second]
        return first + absent.expand_as(first).index_put(*second)
