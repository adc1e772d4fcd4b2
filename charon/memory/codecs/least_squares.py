"""Least-squares knots: store the knots of the linear spline that is nearest to the clip."""

import torch
from torch import Tensor

from charon.memory.weighted import WeightedSums, hats


class LeastSquares(WeightedSums):
    """Stores a linear spline's values at knots evenly from the first frame to the last.

    As many as :class:`~charon.memory.codecs.thinned.Thinned` stores frames. Of all splines with
    these knots it has the least squared error.
    """

    def weights(self) -> tuple[Tensor, Tensor]:
        """Return those of the fit, the pseudo-inverse, and of the spline."""
        knots = torch.linspace(0, self.num_frames - 1, self.num_kept, dtype=torch.float64)
        back = hats(knots, self.num_frames)
        return torch.linalg.pinv(back), back

    @property
    def kept(self) -> str:
        """The number of knots."""
        return f"{self.num_kept} least-squares knots"

    @property
    def rebuilt(self) -> str:
        """The interpolation."""
        return "linear interpolation"
