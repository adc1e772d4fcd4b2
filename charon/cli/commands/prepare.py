"""Read skeleton clips once and keep them in the cache, from which every run maps them.

Clips that cannot be read are listed and left out. The exit status is not 0 if none can be
read, if a class would be empty, or with --strict if any cannot.
"""

import argparse
from dataclasses import fields
from typing import Any

from charon.arguments import whole_number
from charon.cli.clips import STANDIN_NOTE, add_cache_argument, cache_dir, tell_problems
from charon.cli.console import ClipProgress, add_json_argument, print_json
from charon.data.cache.archive import Archive, num_bytes_of
from charon.data.formats import known_formats
from charon.data.prepare import prepare
from charon.data.settings import DataSettings
from charon.data.source import Reading
from charon.errors import ConfigError
from charon.settings import parse_field
from charon.text import byte_size, clock, counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("path", metavar="PATH", help=known_formats())
    add_cache_argument(parser)
    parser.add_argument(
        "--workers", type=whole_number(1), metavar="N", help="processes to read with (all cores)"
    )
    parser.add_argument(
        "--strict", action="store_true", help="fail if any clip cannot be read; keep nothing then"
    )
    parser.add_argument(
        "--keep-gaps",
        action="store_true",
        help="place frames of .skeleton files where they were seen; the field closes gaps "
        "(a run uses this set with --set data.keep_gaps=true)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="FIELD=VALUE",
        help="how the set is read, as runs are told it: data.axes, data.split, data.scores, "
        "data.min_score, data.benchmark; `charon fields` explains them",
    )
    add_json_argument(parser)


def main(options: argparse.Namespace) -> int:
    """Prepare the set and print what it holds."""
    progress = ClipProgress(f"Preparing {options.path}")
    archive = prepare(
        options.path,
        cache_dir(options),
        workers=options.workers,
        strict=options.strict,
        reading=_reading(options),
        on_progress=progress,
    )
    if options.json:
        print_json({**summary(archive), "seconds": progress.seconds})
        return 0
    if progress.seconds is None:
        print(f"{options.path} was prepared before.")
    else:
        print(f"Prepared {options.path} in {clock(progress.seconds)}.")
    tell_problems(archive)
    print_summary(archive)
    return 0


def _reading(options: argparse.Namespace) -> Reading:
    """Return how the set is read, from the fields that the command line sets."""
    known = {f"data.{field.name}" for field in fields(Reading)}
    given: dict[str, Any] = dict(parse_field(text) for text in options.settings)
    if options.keep_gaps:
        given["data.keep_gaps"] = True
    for name in given:
        if name not in known:
            fields_of_sets = ", ".join(sorted(known))
            raise ConfigError(
                f"{name} does not change how a set is prepared; what does is {fields_of_sets}."
            )
    return DataSettings(**{name.removeprefix("data."): v for name, v in given.items()}).reading


def summary(archive: Archive) -> dict[str, Any]:
    """Return what a prepared set holds, for scripts."""
    about = archive.description
    return {
        "name": archive.path.name,
        "source": archive.source,
        "path": str(archive.path),
        "bytes": num_bytes_of(archive.path),
        "fingerprint": archive.fingerprint,
        "is_standin": about.is_standin,
        "clips": archive.num_clips,
        "clips_of_two": int(archive.present[:, 1:].any(axis=1).sum()),
        "classes": list(about.class_names),
        "joints": about.num_joints,
        "coordinates": about.num_channels,
        "frames": [int(archive.length.min()), int(archive.length.max())],
        "converted": list(archive.notes),
        "left_out": [{"clip": clip, "why": reason} for clip, reason in archive.unreadable],
    }


def print_summary(archive: Archive) -> None:
    """Print what a prepared set holds."""
    about = archive.description
    two = int(archive.present[:, 1:].any(axis=1).sum())
    lines = {
        "clips": f"{archive.num_clips:,}, {two:,} of them with two bodies; "
        f"{len(archive.unreadable):,} unreadable",
        "classes": f"{len(about.class_names):,}",
        "shape": f"{counted(about.num_joints, 'joint')}, {about.num_channels} coordinates, "
        f"{archive.length.min()} to {archive.length.max()} frames",
        "fingerprint": archive.fingerprint,
        "cache": f"{archive.path} ({byte_size(num_bytes_of(archive.path))})",
    }
    if about.is_standin:
        lines["note"] = STANDIN_NOTE
    for name, text in lines.items():
        print(f"  {name:<12} {text}")
