"""The files of a finished run: its description, its model and its accuracies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
import torch

from charon.clips import ClipShape
from charon.config import Run
from charon.errors import CheckpointError
from charon.files import whole_file, write_csv, write_json
from charon.learners.base import Learner
from charon.plain import conform
from charon.settings import Value
from charon.training.build import make_learner
from charon.training.checkpoint import fitting, load, save
from charon.training.devices import choose_device
from charon.training.stream import Stream

ABOUT, MODEL = "run.json", "model.pt"


def write_description(folder: Path, stream: Stream) -> dict[str, Any]:
    """Write ``run.json``, a run's fields and data, to ``folder`` and return its content."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "run": stream.run.to_flat(),
        "class_names": stream.tasks.class_names,
        "class_order": list(stream.tasks.order),
        "clip_shape": list(stream.tasks.clip_shape),
        "parts": {name: list(js) for name, js in stream.archive.description.parts.items()},
        "bones": [list(bone) for bone in stream.archive.description.bones],
        "is_standin": stream.archive.description.is_standin,
        "fingerprint": stream.archive.fingerprint,
        "protocol": stream.tasks.protocol,
        "validation": stream.tasks.val_rule,
    }
    write_json(folder / ABOUT, about)
    return about


def write_outputs(folder: Path, stream: Stream) -> None:
    """Write what a stream has learned so far to ``folder``.

    ``run.json`` (its fields and data), ``model.pt`` (for :func:`load_model`),
    ``accuracy_matrix.csv`` (row: tasks seen, column: task, percent), ``confusion.csv`` (row:
    true class, column: predicted class, clips), ``per_class.csv``, and ``predictions.npz`` (see
    :meth:`charon.training.evaluation.Evaluation.predictions`).
    """
    about = write_description(folder, stream)
    with stream.learner.optimiser.averaged():
        save(folder / MODEL, about | {"learner": stream.learner.predictor_state()})
    cells = [["" if np.isnan(a) else f"{a:.4f}" for a in row] for row in stream.accuracy_matrix]
    header = ["tasks_seen", *(f"task_{k:02d}" for k in range(1, len(cells) + 1))]
    write_csv(folder / "accuracy_matrix.csv", header, ([i, *row] for i, row in enumerate(cells, 1)))
    counts, names = stream.evaluation.confusion(), stream.tasks.class_names
    rows = [[name, *row] for name, row in zip(names, counts.tolist(), strict=True)]
    write_csv(folder / "confusion.csv", ["true_class", *names], rows)
    num_clips, correct = counts.sum(axis=1), counts.diagonal()
    shares = [f"{100 * k / n:.4f}" if n else "" for k, n in zip(correct, num_clips, strict=True)]
    per_class = zip(names, num_clips, shares, strict=True)
    write_csv(folder / "per_class.csv", ["class", "clips", "accuracy"], per_class)
    with whole_file(folder / "predictions.npz") as file:
        np.savez_compressed(file, **stream.evaluation.predictions())  # type: ignore[arg-type]


class _Saved(TypedDict):
    """What is read of a model's file, beside the learner's state."""

    run: dict[str, Value]
    class_names: tuple[str, ...]
    clip_shape: tuple[int, int, int, int]
    parts: dict[str, list[int]]
    bones: NotRequired[tuple[tuple[int, int], ...]]
    is_standin: bool


@dataclass(frozen=True)
class Model:
    """A finished run's model, ready to label clips."""

    run: Run  # that trained it
    learner: Learner  # predicts
    class_names: tuple[str, ...]  # by position in the class order
    clip_shape: ClipShape  # of the clips it takes
    is_standin: bool  # whether it was trained on the synthetic stand-in
    device: torch.device  # where it computes


def load_model(folder: Path, device: str = "auto") -> Model:
    """Load the model that a run left in ``folder``.

    Raises:
        CheckpointError: the folder has no model, or the file cannot be read.
        ConfigError: the device is unknown, or not there.
    """
    path, chosen = folder / MODEL, choose_device(device)
    if not path.exists() and (trials := sorted(folder.glob(f"trials/*/{MODEL}"))):
        raise CheckpointError(
            f"{folder} is a study; give the folder of one of its trials, such as "
            f"{trials[0].parent}."
        )
    saved = load(path)
    missing = {"run", "clip_shape", "parts", "class_names", "is_standin", "learner"} - saved.keys()
    if missing:
        raise CheckpointError(
            f"{path} is not the model of a finished run: it has no {min(missing)}."
        )
    remedy = "learn it again, or use the version that made it"
    with fitting(path, remedy):
        about = {name: value for name, value in saved.items() if name != "learner"}
        saved |= conform(about, _Saved)
        run, names, shape = Run.from_flat(saved["run"]), saved["class_names"], saved["clip_shape"]
        parts = {name: tuple(js) for name, js in saved["parts"].items()}
        # Models of older versions name no bones: none of their backbones needs them.
        learner = make_learner(run, shape, len(names), parts, chosen, saved.get("bones", ()))
        learner.load_predictor_state(saved["learner"])
    return Model(run, learner, names, shape, saved["is_standin"], chosen)
