"""Scales of a study: named sets of fields that replace those of its base.

``paper`` replaces nothing. ``small`` runs on two CPU cores in minutes: short clips, a small
model, few and large steps, and a memory of at most a share of the training clips, so that
forgetting shows. ``smoke`` only shows that everything works.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from charon.settings import Value


@dataclass(frozen=True)
class AtMost:
    """An upper limit: replaces larger numbers only."""

    value: int

    def of(self, other: Value) -> Value:
        """Return the smaller of ``other`` and this number."""
        return min(other, self.value) if isinstance(other, int) else self.value


Scaled = Mapping[str, Value | AtMost]
"""Fields that a scale sets in the runs that have them."""

SMALL: Scaled = {
    "model.size": "nano",
    # Ten frames, each a tuple: cost falls with the number of frames, and masking ratios in
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
"""Without the epochs and the buffer size, which depend on the data."""

SMALL_CLIP_VISITS = 15_400
"""Clips that a small run sees in its main phases by default: 8 epochs of the stand-in's 1,920."""

SMALL_MEMORY_SHARE = 0.3
"""Of the training clips in a memory of the small scale, at most, by default."""


def scale_fields(
    scale: str, num_training_clips: int, clip_visits: int = SMALL_CLIP_VISITS
) -> Scaled:
    """Return the fields that ``paper``, ``small`` or ``smoke`` sets, without the buffer size.

    ``num_training_clips`` are those of the whole stream; ``clip_visits`` are the clips that a
    small run sees in its main phases.
    """
    if scale == "paper":
        return {}
    epochs = 1 if scale == "smoke" else max(1, round(clip_visits / num_training_clips))
    return {**SMALL, "optimiser.epochs": epochs}
