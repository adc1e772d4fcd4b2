"""The means of every epoch, numbered over all tasks and phases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Means = dict[str, float]
"""Of an epoch: each loss, a mean over the steps that had it, and the accuracy."""


@dataclass(frozen=True)
class Epochs:
    """The epochs of one task, in all its phases.

    Attributes:
        first: number of the first, counted from 1 over all tasks and phases.
        means: by metric, such as ``train/loss/total`` and ``train/accuracy`` (percent of the
            epoch's clips that the steps labelled right as they learned from them, rotated and
            masked), a value for each epoch; None where its phase has no such metric.
    """

    first: int
    means: dict[str, list[float | None]]

    def to_json(self) -> dict[str, Any]:
        """Return the epochs as JSON holds them."""
        return {"first": self.first, "means": self.means}


def named(phase: str, losses: Mapping[str, float], accuracy: float | None) -> Means:
    """Return an epoch's means with the names by which they are logged."""
    means = {f"{phase}/loss/{name}": loss for name, loss in losses.items()}
    return means if accuracy is None else {**means, f"{phase}/accuracy": accuracy}


def losses_of(epoch: Means) -> Means:
    """Return the losses among an epoch's named means."""
    return {name: mean for name, mean in epoch.items() if "/loss/" in name}


def by_metric(first: int, epochs: Sequence[Means]) -> Epochs:
    """Return a task's epochs, given those that there were before the first of them."""
    names = dict.fromkeys(name for epoch in epochs for name in epoch)
    return Epochs(first, {name: [epoch.get(name) for epoch in epochs] for name in names})
