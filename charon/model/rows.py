"""Bodies as rows: a clip of two people is two rows of the network's batch."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Presence = Literal["data", "positive_sum"]


@dataclass(frozen=True)
class Rows:
    """Which clip and body each row of the network's batch is.

    The first bodies of all clips come first, then the second bodies that are present.

    Attributes:
        clip: int64 (row,), on the device of the clips.
        body: int64 (row,), likewise.
        num_clips: clips in the batch.
    """

    clip: Tensor
    body: Tensor
    num_clips: int

    @staticmethod
    def of(present: Tensor, device: torch.device) -> "Rows":
        """Return the rows of a batch whose bodies are ``present``, bool (clip, body).

        A clip always has its first row; ``present[:, 0]`` is not asked.
        """
        num_clips = len(present)
        first = torch.arange(num_clips)
        if present.shape[1] == 1:
            return Rows(first.to(device), torch.zeros_like(first).to(device), num_clips)
        second = present[:, 1].nonzero().squeeze(1)
        clip = torch.cat([first, second])
        body = torch.zeros_like(clip)
        body[num_clips:] = 1
        return Rows(clip.to(device), body.to(device), num_clips)

    @staticmethod
    def of_clips(x: Tensor, present: Tensor, presence: Presence) -> "Rows":
        """Return the rows of a batch of clips under a rule of presence.

        Args:
            x: (clip, channel, frame, joint, body).
            present: bool (clip, body), as it comes with the clips.
            presence: ``"data"`` believes it; ``"positive_sum"`` calls a second body present
                where its coordinates sum to more than 0.
        """
        if presence == "positive_sum" and present.shape[1] == 2:
            present = (x.sum(dim=(1, 2, 3)) > 0).cpu()
        return Rows.of(present, x.device)

    def __len__(self) -> int:
        return len(self.clip)

    def gather(self, x: Tensor) -> Tensor:
        """Cut (clip, channel, frame, joint, body) into (row, channel, frame, joint)."""
        return x.permute(0, 4, 1, 2, 3)[self.clip, self.body]

    def scatter(self, rows: Tensor, num_bodies: int) -> Tensor:
        """Put (row, channel, frame, joint) back into clips; absent bodies are zeros."""
        clips = rows.new_zeros(self.num_clips, num_bodies, *rows.shape[1:])
        return clips.index_put((self.clip, self.body), rows).permute(0, 2, 3, 4, 1)

    def add_bodies(self, features: Tensor, absent: Tensor | None) -> Tensor:
        """Return one feature a clip, (clip, feature): the first body's plus the second's.

        Args:
            features: (row, feature).
            absent: (feature,), stands for a second body that is absent; None for data of
                one body.
        """
        first, second = features[: self.num_clips], features[self.num_clips :]
        if absent is None:
            return first
        others = absent.expand_as(first).index_put((self.clip[self.num_clips :],), second)
        return first + others
