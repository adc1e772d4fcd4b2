"""Block means: store the mean of every s frames, interpolate between the blocks' middles."""

import torch
from torch import Tensor

from charon.memory.weighted import WeightedSums, hats


class BlockMean(WeightedSums):
    """Stores the means of frames 0..s-1, s..2s-1, ...; the last block may be shorter."""

    def weights(self) -> tuple[Tensor, Tensor]:
        """Return those of the means, and of the interpolation between the middles of blocks."""
        blocks = torch.arange(self.num_frames).split(self.sampling_interval)
        into = torch.zeros(self.num_kept, self.num_frames, dtype=torch.float64)
        for row, block in enumerate(blocks):
            into[row, block] = 1 / len(block)
        middles = torch.stack([block.double().mean() for block in blocks])
        return into, hats(middles, self.num_frames)

    @property
    def kept(self) -> str:
        """The number of means."""
        return f"{self.num_kept} block means"

    @property
    def rebuilt(self) -> str:
        """The interpolation."""
        return "linear interpolation"
