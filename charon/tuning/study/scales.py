"""How large a study is run: named sets of fields that replace those of its base.

``paper`` replaces nothing. ``small`` runs on two CPU cores in minutes: short clips, a small
model, few and large steps, and a memory that can hold at most 30 % of the training clips, so
that what is forgotten shows. ``smoke`` only shows that everything works.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from charon.errors import ConfigError
from charon.settings import Value

if TYPE_CHECKING:
    pass

ClipShape = tuple[int, int, int, int]


@dataclass(frozen=True)
class AtMost:
    """A number that replaces larger ones only."""

    value: int

    def of(self, other: Value) -> Value:
        """Return the smaller of ``other`` and this number."""
        return min(other, self.value) if isinstance(other, int) else self.value


Scaled = Mapping[str, Value | AtMost]
"""Fields a scale sets, each in the runs that have it."""

_TO_SCALE: dict[str, Value | AtMost] = {
    "model.size": "nano",
    # Ten frames, one a tuple: cost falls with the number of frames, and masking ratios in
    # tenths are whole numbers of tuples, as they are of the paper's twenty.
    "data.num_frames": 10,
    "model.frames_per_tuple": 1,
    # Every fifth of ten frames would leave two.
    "learner.sampling_interval": AtMost(2),
    # Many small, long steps: what a short training needs.
    "optimiser.batch_size": 8,
    "learner.replay_batch_size": 8,
    "learner.contrastive_batch_size": 8,
    "optimiser.learning_rate": 0.2,
}

SCALES: dict[str, dict[str, Value | AtMost]] = {"paper": {}, "small": _TO_SCALE, "smoke": _TO_SCALE}
"""The fields each scale sets; epochs and buffer size are added from the data, see below."""

SMALL_CLIP_VISITS = 15_400
"""Clips that a small run sees in its main phases, unless its study says otherwise: 8 epochs of
the stand-in's 1,920.
"""

SMALL_MEMORY_SHARE = 0.3
"""Largest share of the training clips that the memory of a small study may hold."""


def scale_fields(
    scale: str, num_training_clips: int, clip_visits: int = SMALL_CLIP_VISITS
) -> dict[str, Value | AtMost]:
    """Return the fields that a scale sets for this data, but for the buffer size.

    Args:
        scale: ``"paper"``, ``"small"`` or ``"smoke"``.
        num_training_clips: training clips of the whole stream.
        clip_visits: clips that a small run sees in its main phases.

    Raises:
        ConfigError: there is no such scale.
    """
    if scale not in SCALES:
        raise ConfigError(f"There is no scale {scale!r}; known are {', '.join(SCALES)}.")
    fields = dict(SCALES[scale])
    if scale == "small":
        fields["optimiser.epochs"] = max(1, round(clip_visits / num_training_clips))
    if scale == "smoke":
        fields["optimiser.epochs"] = 1
    return fields


def small_buffers(sizes: Iterable[Value], largest: int) -> dict[Value, int]:
    """Return what stands for each buffer size at a small scale, smaller by the same factor.

    Args:
        sizes: the paper's, say 500 and 2000.
        largest: what the largest of them becomes; sizes that do not exceed it stay.
    """
    numbers = [size for size in sizes if isinstance(size, int)]
    factor = min(1.0, largest / max(numbers, default=1))
    return {size: max(1, round(size * factor)) for size in numbers}
