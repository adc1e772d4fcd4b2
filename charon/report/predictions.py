"""Accuracies of a finished run, computed anew from what it predicted for each clip."""

from pathlib import Path

import numpy as np

from charon.text import folder_name

FILE = "predictions.npz"


def recomputed_faa(study_folder: Path, name: str) -> float | None:
    """Return FAA in percent from a run's predictions; None where it left none.

    Args:
        study_folder: of the study.
        name: of the trial.
    """
    path = study_folder / "trials" / folder_name(name) / FILE
    if not path.exists():
        return None
    with np.load(path) as stored:
        task, correct = stored["task"], stored["prediction"] == stored["label"]
    return float(np.mean([100 * correct[task == number].mean() for number in np.unique(task)]))
