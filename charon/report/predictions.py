"""Accuracies of a finished run, computed anew from what it predicted for each clip."""

import io
from pathlib import Path

import numpy as np

from charon.errors import CheckpointError
from charon.files import reading_from
from charon.text import folder_name
from charon.zips import open_member, open_zip

FILE = "predictions.npz"

_MOST_BYTES = 2**26
"""Of a number for each clip; NTU RGB+D 120 has some fifty thousand in its test set."""


def recomputed_faa(study_folder: Path, name: str) -> float | None:
    """Return FAA in percent from a run's predictions; None where it left none.

    Args:
        study_folder: of the study.
        name: of the trial.

    Raises:
        CheckpointError: the predictions are damaged.
    """
    path = study_folder / "trials" / folder_name(name) / FILE
    if not path.exists():
        return None
    arrays = []
    with reading_from(path, "learn the run again", CheckpointError), open_zip(path) as archive:
        for name in ("task", "prediction", "label"):
            member, num_bytes = open_member(archive, f"{name}.npy")
            with member:
                data = io.BytesIO(member.read(min(num_bytes, _MOST_BYTES)))
            arrays.append(np.lib.format.read_array(data, allow_pickle=False))
        task, prediction, label = arrays
        if not task.shape == prediction.shape == label.shape == (len(task),) or not len(task):
            raise ValueError("its arrays have not a number for each clip")
    correct = prediction == label
    return float(np.mean([100 * correct[task == number].mean() for number in np.unique(task)]))
