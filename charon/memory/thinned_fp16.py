"""Thinning in half precision: the frames of :mod:`charon.memory.thinned`, in float16."""

from torch import Tensor

from charon.memory.codec import Encoded
from charon.memory.thinned import Thinned


class ThinnedFp16(Thinned):
    """Stores frames 0, s, 2s, ... in float16, and interpolates between them in float32.

    By the capacity rule ``"frames"`` it holds twice as many clips as :class:`Thinned`, give or
    take the clip that rounding decides; by ``"times_interval"`` as many, in half of the bytes.
    """

    @property
    def description(self) -> tuple[str, str]:
        """The sampling interval and the type; the interpolation."""
        stored, rebuilt = super().description
        return f"{stored}, float16", rebuilt

    def encode(self, x: Tensor) -> Encoded:
        """Keep every s-th frame, rounded to 11 significant bits: 0.5 mm at 2 m."""
        (thinned,) = super().encode(x)
        return (thinned.half(),)

    def decode(self, encoded: Encoded) -> Tensor:
        """Rebuild all frames from those stored."""
        (thinned,) = encoded
        return super().decode((thinned.float(),))
