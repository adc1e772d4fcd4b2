"""DCT: store the first coefficients of the discrete cosine transform in time."""

import math

import torch
from torch import Tensor

from charon.memory.weighted import WeightedSums


class Dct(WeightedSums):
    """Stores the lowest frequencies of the orthonormal DCT-II, one for every s frames."""

    def weights(self) -> tuple[Tensor, Tensor]:
        """Return those of the transform and, its transpose, of the inverse."""
        count = self.num_frames
        middles = (torch.arange(count, dtype=torch.float64) + 0.5) / count
        frequencies = torch.arange(self.num_kept, dtype=torch.float64)
        into = torch.cos(math.pi * frequencies[:, None] * middles) * math.sqrt(2 / count)
        into[0] /= math.sqrt(2)
        return into, into.T.contiguous()

    @property
    def kept(self) -> str:
        """The number of coefficients."""
        return f"{self.num_kept} DCT coefficients"

    @property
    def rebuilt(self) -> str:
        """The inverse transform."""
        return "inverse DCT"
