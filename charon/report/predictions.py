"""Accuracies of a finished run, computed anew from what it predicted for each clip."""

from contextlib import closing
from pathlib import Path

import numpy as np

from charon.errors import DataError
from charon.npz import NpzReader
from charon.text import folder_name

FILE = "predictions.npz"


def recomputed_faa(study_folder: Path, name: str) -> float | None:
    """Return FAA in percent from a run's predictions; None where it left none.

    Args:
        study_folder: of the study.
        name: of the trial.

    Raises:
        DataError: the predictions are damaged.
    """
    path = study_folder / "trials" / folder_name(name) / FILE
    if not path.exists():
        return None
    with closing(NpzReader(path, "learn the run again")) as stored:
        task, prediction, label = map(stored.read, ("task", "prediction", "label"))
    if not task.shape == prediction.shape == label.shape == (task.size,) or not task.size:
        raise DataError(f"{path} has not a number for each clip; learn the run again.")
    correct = prediction == label
    return float(np.mean([100 * correct[task == number].mean() for number in np.unique(task)]))
