"""Draw a clip as a strip of poses: as it is, thinned as the memory stores it, rebuilt from that,
and, with --model, reconstructed from a masked clip by a trained autoencoder.

Rebuilt and reconstructed poses lie over the true ones, in grey; the curve below them is the root
mean square distance of a joint from its true place, over all frames.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from charon.arguments import whole_number
from charon.cli.clips import add_cache_argument, opened
from charon.cli.console import add_json_argument, print_json
from charon.cli.strip import (
    Strip,
    Version,
    bones_of,
    choose_moments,
    rebuilt,
    reconstructed,
    thinned,
)
from charon.data.cache.archive import Archive
from charon.data.formats import known_formats
from charon.data.formats.skeleton_folder import is_skeleton_file
from charon.data.source import Description
from charon.data.transforms import load_clips
from charon.errors import CharonError, ConfigError, DataError
from charon.files import writing_to
from charon.memory import CODECS, STORAGES
from charon.memory.codec import TemporalCodec
from charon.training.artifacts import Model, load_model

_DEFAULT_FRAMES, _DEFAULT_INTERVAL = 120, 5
_FORMATS = (".png", ".svg", ".pdf")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("path", metavar="PATH", help=f"a .skeleton file, {known_formats()}")
    parser.add_argument(
        "--clip", metavar="NAME|INDEX", help="which clip, by its name or from 0 (default: 0)"
    )
    parser.add_argument(
        "--sampling-interval",
        type=whole_number(1),
        metavar="S",
        help=f"keep every S-th frame (default: the model's, or {_DEFAULT_INTERVAL})",
    )
    parser.add_argument(
        "--codec",
        choices=CODECS,
        help="what the memory keeps of a clip (default: the model's, or thinned)",
    )
    parser.add_argument(
        "--storage",
        choices=STORAGES,
        help="with how many bits it does (default: the model's, or float32)",
    )
    parser.add_argument(
        "--frames",
        type=whole_number(2),
        metavar="F",
        help=f"frames the clip is resized to (default: the model's, or {_DEFAULT_FRAMES})",
    )
    parser.add_argument(
        "--model", type=Path, metavar="MODEL_DIR", help="the --output of a run; it draws a row more"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE.png",
        help="a .png, .svg or .pdf (default: the clip's name, here)",
    )
    add_cache_argument(parser)
    add_json_argument(parser)


def main(options: argparse.Namespace) -> int:
    """Draw the clip."""
    if options.output is not None and options.output.suffix.lower() not in _FORMATS:
        raise ConfigError(f"--output must end in {', '.join(_FORMATS)}, but got {options.output}.")
    model = None if options.model is None else load_model(options.model.expanduser())
    clip_shape = None if model is None else model.clip_shape
    with opened(options, is_skeleton_file, clip_shape) as archive:
        row = _find(archive, options.clip)
        strip = _strip(archive, row, model, options)
    path = options.output or Path(f"{Path(str(archive.names[row])).name}.png")
    # Here, so that no other command waits for matplotlib or needs it.
    try:
        from charon.cli.drawing import draw
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        raise CharonError(f"`charon show` needs {missing}, which is not installed.") from error
    with writing_to(path, "choose another --output"):
        draw(strip, path.expanduser())
    if options.json:
        print_json(
            {
                "output": str(path),
                "clip": str(archive.names[row]),
                "class": strip.title,
                "moments": list(strip.moments),
                "num_frames": strip.num_frames,
            }
        )
    else:
        print(f"Drew {strip.title} into {path}.")
    return 0


def _find(archive: Archive, wanted: str | None) -> int:
    """Return the row of the clip of that name or index; of the first one if None."""
    found = np.flatnonzero(archive.names == wanted)
    if len(found):
        return int(found[0])
    row = 0 if wanted is None else int(wanted) if wanted.isdecimal() else archive.num_clips
    if row >= archive.num_clips:
        raise DataError(
            f"{archive.source} has no clip {wanted}; give a name, such as {archive.names[0]}, or "
            f"a number from 0 to {archive.num_clips - 1}."
        )
    return row


def _strip(archive: Archive, row: int, model: Model | None, options: argparse.Namespace) -> Strip:
    about = archive.description
    codec = _codec(about, {} if model is None else model.run.to_flat(), options)
    num_frames = codec.num_frames
    x, present = load_clips(archive, np.array([row]), num_frames=num_frames)
    clip = np.ascontiguousarray(x[0].transpose(1, 3, 2, 0))
    moments = choose_moments(codec)
    labels = tuple(f"frame {moment}" for moment in moments)
    versions = [
        Version("the clip", (f"{num_frames} frames",), clip[moments][None], labels),
        thinned(clip, codec, moments),
        rebuilt(clip, codec, moments, present[0]),
    ]
    notes = [archive.source]
    if about.is_standin:
        notes.append("a synthetic stand-in for NTU RGB+D")
    if not about.bones:
        notes.append("bones guessed: the set names none")
    if model is not None:
        versions.append(reconstructed(model, clip, moments, present[0]))
        notes.append(f"model {options.model}")
        if versions[-1] is None:
            raise ConfigError(
                f"The model in {options.model} cannot reconstruct clips: the learner "
                f"{model.run.learner_name} made it without a decoder; leave out --model or give "
                "one that has it."
            )
    return Strip(
        title=about.class_names[archive.label[row]],
        subtitle=f"{archive.names[row]}: {archive.length[row]} recorded frames, resized to "
        f"{num_frames}, seen from the front. Grey: the true pose. Curve, by frame: root mean "
        "square distance of a joint from it.",
        note="; ".join(notes),
        moments=moments,
        num_frames=num_frames,
        present=present[0],
        bones=bones_of(archive),
        truth=clip[moments],
        versions=tuple(version for version in versions if version is not None),
    )


def _codec(
    about: Description, fields: dict[str, Any], options: argparse.Namespace
) -> TemporalCodec:
    """Return the codec that is asked for, or else the model's."""
    of_model = fields.get("data.num_frames")
    num_frames = options.frames or of_model or _DEFAULT_FRAMES
    if of_model is not None and num_frames != of_model:
        raise ConfigError(
            f"The model takes clips of {of_model} frames, so --frames {num_frames} cannot be drawn "
            "with it; leave out --frames."
        )
    interval = options.sampling_interval
    if interval is None:
        interval = fields.get("learner.sampling_interval", _DEFAULT_INTERVAL)
    if not 1 <= interval < num_frames:
        raise ConfigError(
            f"1 <= sampling interval < {num_frames} (the frames of the clip) must hold, but got "
            f"{interval}."
        )
    kind = CODECS[options.codec or fields.get("learner.codec", "thinned")]
    storage = STORAGES[options.storage or fields.get("learner.storage", "float32")]()
    rebuild = fields.get("learner.rebuild", "linear")
    shape = about.num_channels, num_frames, about.num_joints, about.num_bodies
    return kind(shape, interval, rebuild if rebuild in kind.rebuilds else "linear", storage)
