"""Measures of a stream, most of them computed from the accuracy matrix.

The accuracy matrix R, float64 (task, task), holds at [i, j] the accuracy in percent on
task j after learning task i, and NaN where j was not learned yet.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def average_accuracy(row: NDArray[np.float64]) -> float:
    """Return the mean over the tasks seen, of one row of the accuracy matrix, in percent.

    Of the last row it is FAA (CHARON eq. 9).
    """
    return float(np.nanmean(row))


def forgetting(matrix: Matrix) -> float:
    """Return how far tasks fell from their best, in percentage points; at least 0.

    The mean over all tasks k but the last one learned, T, of
    ``max over t = k..T of R[t, k], minus R[T, k]``. NaN when only one task was learned.
    """
    last = _last_learned(matrix)
    drops = [np.max(matrix[k : last + 1, k]) - matrix[last, k] for k in range(last)]
    return float(np.mean(drops)) if drops else float("nan")


def backward_transfer(matrix: Matrix) -> float:
    """Return BWT: the mean over all tasks k but the last one learned of R[T, k] - R[k, k].

    Percentage points; negative where tasks were forgotten. NaN when only one task was learned.
    """
    last = _last_learned(matrix)
    changes = [matrix[last, k] - matrix[k, k] for k in range(last)]
    return float(np.mean(changes)) if changes else float("nan")


def forward_transfer(before: NDArray[np.float64], untrained: NDArray[np.float64]) -> float:
    """Return FWT, in percentage points: what earlier tasks teach of tasks not yet learned.

    The mean over tasks k = 2..T of the accuracy on task k just before learning it minus
    the untrained network's, both with the argmax over the outputs of tasks 1..k.

    Args:
        before: (task,) percent; entry 0 is ignored, NaN where not reached yet.
        untrained: (task,) percent.
    """
    gains = (before - untrained)[1:]
    return float(np.nanmean(gains)) if np.isfinite(gains).any() else float("nan")


def harmonic_mean(old: float, new: float) -> float:
    """Return the harmonic mean of two accuracies in percent; 0 if both are 0."""
    return 2 * old * new / (old + new) if old + new else 0.0


def worst_case_accuracy(lowest: float, new: float, num_seen: int) -> float:
    """Return WC-ACC in percent, a compromise of the newest task and the worst of the others.

    Args:
        lowest: mean over all tasks but the newest of the lowest accuracy since each was learned.
        new: accuracy on the newest task.
        num_seen: tasks seen.

    Source: De Lange et al., "Continual evaluation for lifelong learning", ICLR 2023, eq. 3.
    """
    return new / num_seen + (1 - 1 / num_seen) * lowest


def average_incremental_accuracy(matrix: Matrix) -> float:
    """Return the mean of the curve: over t, of the average accuracy after task t, percent."""
    learned = matrix[: _last_learned(matrix) + 1]
    return float(np.mean([average_accuracy(row) for row in learned]))


def _last_learned(matrix: Matrix) -> int:
    """Return the index of the last row that holds an accuracy."""
    return int(np.flatnonzero(np.isfinite(matrix).any(axis=1))[-1])
