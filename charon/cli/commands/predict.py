"""Label new clips with the model that a finished run left in MODEL_DIR.

The result is a table (csv): a line for every clip, with its name, the class predicted, the
class's probability (a softmax over all classes of the stream), and the second and third best.
Files of raw .skeleton text may have any names.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from charon.cli.clips import STANDIN_NOTE, opened
from charon.cli.console import ClipProgress
from charon.cli.models import check_fits
from charon.cli.options import add_cache_argument, writing_output
from charon.clips import Clips
from charon.data.cache.archive import Archive
from charon.data.formats.unlabelled import Unlabelled, is_raw
from charon.data.prepare import open_source
from charon.data.source import Source
from charon.data.transforms import load_clips
from charon.files import csv_text, whole_file
from charon.text import counted
from charon.training.artifacts import Model, load_model

BEST = ("predicted_class", "second_class", "third_class")
_CLIPS_AT_ONCE = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("model", type=Path, metavar="MODEL_DIR", help="the --output of a run")
    parser.add_argument(
        "path",
        metavar="PATH",
        help="a .skeleton file, a folder or .zip of them, or any other set that `charon prepare` "
        "takes",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE.csv", help="where to (default: standard output)"
    )
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda or cuda:N (default: a GPU if there is one)",
    )
    add_cache_argument(parser)


def main(options: argparse.Namespace) -> int:
    """Label the clips."""
    model = load_model(options.model.expanduser(), options.device)
    place = Path(options.path).expanduser()
    source: Source = (
        Unlabelled(place, keep_gaps=model.run.data.keep_gaps)
        if is_raw(place)
        else open_source(options.path)
    )
    check_fits(model, source.description, options.path, options.model)
    with opened(source, options.path, options) as archive:
        lines = _lines(model, archive, ClipProgress(f"Labelling {options.path}"))
        if options.output is None:
            for line in lines:
                print(line, end="")
        else:
            with writing_output(options.output) as path, whole_file(path) as file:
                file.writelines(line.encode() for line in lines)
    told = f"Labelled {counted(archive.num_clips, 'clip')}"
    if options.output is not None:
        told += f" in {options.output}"
    if model.is_standin:
        told += f"; the model has learned {STANDIN_NOTE}"
    print(f"{told}.", file=sys.stderr)
    return 0


def _lines(model: Model, archive: Archive, progress: ClipProgress) -> Iterator[str]:
    """Yield the table line by line."""
    num_best = min(len(BEST), len(model.class_names))
    columns = [[name, name.replace("_class", "_probability")] for name in BEST[:num_best]]
    columns[0][1] = "probability"
    yield csv_text([["clip", *(name for pair in columns for name in pair)]])
    for first in range(0, archive.num_clips, _CLIPS_AT_ONCE):
        progress(first, archive.num_clips)
        rows = np.arange(first, min(first + _CLIPS_AT_ONCE, archive.num_clips))
        best = _probabilities(model, archive, rows).topk(num_best, dim=1)
        for row, chances, classes in zip(
            rows, best.values.tolist(), best.indices.tolist(), strict=True
        ):
            pairs = (
                (model.class_names[k], f"{p:.4f}") for k, p in zip(classes, chances, strict=True)
            )
            words = [str(archive.names[row]), *(word for pair in pairs for word in pair)]
            yield csv_text([words])
    progress(archive.num_clips, archive.num_clips)


def _probabilities(model: Model, archive: Archive, rows: NDArray[np.int64]) -> torch.Tensor:
    """Return the softmax of the scores, float32 (clip, class), on the CPU."""
    x, present = load_clips(
        archive,
        rows,
        num_frames=model.run.data.num_frames,
        duplicate_bodies=model.run.data.duplicate_bodies,
    )
    nobody_knows = torch.zeros(len(rows), dtype=torch.int64)
    clips = Clips(torch.from_numpy(x), torch.from_numpy(present), nobody_knows)
    return model.learner.predict(clips.to(model.device)).float().softmax(dim=1).cpu()
