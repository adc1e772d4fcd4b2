"""Label new clips with the model that a finished run left in MODEL_DIR.

The result is a table (csv): a line for every clip, with its name, the class predicted, the
class's probability (a softmax over all classes of the stream), and the second and third best.
Files of raw .skeleton text may have any names.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from charon.cli.clips import STANDIN_NOTE, add_cache_argument, opened
from charon.cli.console import ClipProgress, add_json_argument
from charon.clips import Clips
from charon.data.cache.archive import Archive
from charon.data.formats import is_raw
from charon.data.source import Reading
from charon.data.transforms import load_clips
from charon.files import csv_text, whole_file, writing_to
from charon.text import counted
from charon.training.artifacts import Model, load_model

COLUMNS = ["clip", "predicted_class", "probability"]
COLUMNS += ["second_class", "second_probability", "third_class", "third_probability"]


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
    add_json_argument(parser, "write a line of JSON for every clip instead of a table")


def main(options: argparse.Namespace) -> int:
    """Label the clips."""
    model = load_model(options.model.expanduser(), options.device)
    data = model.run.data
    # Its axes, splits and protocol are those of the set that the model has learned.
    reading = Reading(scores=data.scores, min_score=data.min_score)
    keep_gaps = data.keep_gaps
    with opened(options, is_raw, model.clip_shape, reading, keep_gaps=keep_gaps) as archive:
        rows = _rows(model, archive, ClipProgress(f"Labelling {options.path}"))
        lines = _as_json(rows) if options.json else _as_table(rows)
        if options.output is None:
            sys.stdout.writelines(lines)
        else:
            with (
                writing_to(options.output, "choose another --output"),
                whole_file(options.output.expanduser()) as file,
            ):
                file.writelines(line.encode() for line in lines)
    where = "" if options.output is None else f" in {options.output}"
    note = f"; the model has learned {STANDIN_NOTE}" if model.is_standin else ""
    print(f"Labelled {counted(archive.num_clips, 'clip')}{where}{note}.", file=sys.stderr)
    return 0


def _as_table(rows: Iterator[list[str]]) -> Iterator[str]:
    """Yield the table line by line."""
    for number, row in enumerate(rows):
        if number == 0:
            yield csv_text([COLUMNS[: len(row)]])
        yield csv_text([row])


def _as_json(rows: Iterator[list[str]]) -> Iterator[str]:
    """Yield an object a clip."""
    for clip, *words in rows:
        best = [
            {"class": name, "probability": float(chance)}
            for name, chance in zip(words[::2], words[1::2], strict=True)
        ]
        yield json.dumps({"clip": clip, "best": best}) + "\n"


def _rows(model: Model, archive: Archive, progress: ClipProgress) -> Iterator[list[str]]:
    """Yield the name of each clip, and its best classes with their probabilities."""
    data = model.run.data
    num_best = min(3, len(model.class_names))
    for first in range(0, archive.num_clips, 64):
        progress(first, archive.num_clips)
        rows = np.arange(first, min(first + 64, archive.num_clips))
        x, present = load_clips(
            archive, rows, num_frames=data.num_frames, duplicate_bodies=data.duplicate_bodies
        )
        unknown = torch.zeros(len(rows), dtype=torch.int64)
        clips = Clips(torch.from_numpy(x), torch.from_numpy(present), unknown)
        scores = model.learner.predict(clips.to(model.device))
        best = scores.float().softmax(dim=1).cpu().topk(num_best, dim=1)
        for row, chances, classes in zip(
            rows, best.values.tolist(), best.indices.tolist(), strict=True
        ):
            words = [str(archive.names[row])]
            for chance, label in zip(chances, classes, strict=True):
                words += [model.class_names[label], f"{chance:.4f}"]
            yield words
    progress(archive.num_clips, archive.num_clips)
