"""Learn a stream of tasks, one after the other, and evaluate after each.

DIR gets a checkpoint and a line of metrics.jsonl after every task, and at the end the model
(for `charon predict`), the accuracy matrix, the confusion matrix, the accuracy of each class and
run.json with every setting. `charon run --resume --output DIR` continues an interrupted run and
ends with the same numbers.
"""

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from charon.arguments import whole_number
from charon.cli.clips import add_cache_argument, cache_dir, open_clips
from charon.cli.console import (
    INTERRUPTED,
    Status,
    add_json_argument,
    interruptible,
    print_json_line,
)
from charon.cli.run_folder import RunFolder
from charon.cli.run_report import (
    EpochProgress,
    closing,
    memory_warning,
    task_json,
    task_line,
    title,
)
from charon.config import Run
from charon.data.formats import known_formats
from charon.data.prepare import open_source
from charon.data.streams import PROTOCOLS, protocol_fields
from charon.errors import CheckpointError, ConfigError
from charon.files import read_json
from charon.learners import LEARNERS
from charon.presets import PRESETS
from charon.settings import Value, parse_field
from charon.training.checkpoint import MAY_DIFFER
from charon.training.stream import Stream


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--data", metavar="PATH", help=f"{known_formats()} (default: standin)")
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="paper follows the text of the paper (default); released the authors' code; compact "
        "has more accuracy from the same bytes",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings by their dotted names in a JSON file, such as a search's winner.json; "
        "what else is given here replaces them",
    )
    parser.add_argument(
        "--learner", metavar="NAME", help=f"{', '.join(LEARNERS)} (default: charon)"
    )
    parser.add_argument(
        "--stream",
        choices=PROTOCOLS,
        metavar="NAME",
        help=f"the tasks of a known protocol: {', '.join(PROTOCOLS)}; sets fields, which --set may "
        "replace (`charon fields` lists them)",
    )
    parser.add_argument(
        "--seed", type=whole_number(0), metavar="N", help="of all that is random (default: 0)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="FIELD=VALUE",
        help="any setting, as often as needed; `charon fields` lists them",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("results/run"),
        metavar="DIR",
        help="a folder that is empty or not there yet (default: results/run)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in DIR, with its settings; only the device may be another",
    )
    add_cache_argument(parser)
    add_json_argument(parser, "print a line of JSON after each task and at the end")


def main(options: argparse.Namespace) -> int:
    """Learn the stream."""
    folder = RunFolder(options.output.expanduser())
    given = given_fields(options)
    if options.resume:
        run = resumed_run(folder, given, options.preset)
    else:
        folder.refuse_used()
        run = Run.preset(options.preset or "paper", given)
    source = open_source(run.data.path, run.data.reading)
    stream = Stream(run, open_clips(source, run.data.path, cache_dir(options)))
    done = folder.load(stream) if options.resume else 0
    try:
        with interruptible() as check_interrupt:
            folder.start(stream)
            if not options.json:
                print(title(stream))
                if options.resume:
                    first = "Begins again: no task was done."
                    print(f"Continues after task {done}." if done else first)
            if warning := memory_warning(stream):
                print(warning, file=sys.stderr)
            _learn(stream, folder, check_interrupt, in_json=options.json)
            return 0
    except KeyboardInterrupt:
        words = ["charon", "run", "--resume", "--output", str(options.output)]
        if options.cache is not None:
            words += ["--cache", str(options.cache)]
        print("\ncharon: interrupted; continue with the command", file=sys.stderr)
        print(f"  {shlex.join(words)}", file=sys.stderr)
        return INTERRUPTED


def given_fields(options: argparse.Namespace) -> dict[str, Any]:
    """Return the fields that the command line and its file set, by their dotted names.

    Raises:
        ConfigError: a field is given twice, or the file cannot be used.
    """
    flags = {"data.path": options.data, "learner": options.learner, "seed": options.seed}
    fields = [(name, value) for name, value in flags.items() if value is not None]
    fields += [parse_field(text) for text in options.settings]
    names = [name for name, _ in fields]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"{twice} is given twice; give it once.")
    known = _read_config(options.config) if options.config else {}
    if options.stream:
        known |= protocol_fields(options.stream)
    return {**known, **dict(fields)}


def _read_config(path: Path) -> dict[str, Any]:
    """Read fields from a JSON file; ConfigError if it holds anything but one object of them."""
    try:
        content = read_json(path.expanduser())
    except OSError as error:
        raise ConfigError(f"--config {path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise ConfigError(f"--config {path} is not a JSON file ({error}).") from error
    if not isinstance(content, dict) or not all(isinstance(v, Value) for v in content.values()):
        raise ConfigError(
            f"--config {path} must hold one JSON object of fields and their values, such as "
            '{"learner": "charon", "learner.alpha": 0.3}; `charon fields` lists the fields.'
        )
    return content


def resumed_run(folder: RunFolder, given: dict[str, Any], preset: str | None) -> Run:
    """Return the run in the folder.

    Raises:
        CheckpointError: the folder holds none, or another than is given again.
    """
    saved = folder.saved_run().to_flat()
    learner = given.get("learner", saved["learner"])
    if preset is not None:
        switches = {name for fields in PRESETS.values() for name in fields}
        whole = Run.preset(preset, {"learner": learner}).to_flat()
        given = {name: v for name, v in whole.items() if name in switches} | given
    same_method = learner == saved["learner"]
    run = Run.from_flat({**saved, **given} if same_method else given)
    wanted = run.to_flat()
    for name, value in saved.items():
        if name not in MAY_DIFFER and wanted.get(name) != value:
            raise CheckpointError(
                f"{folder.path} holds a run with {name}={value!r}, but {wanted.get(name)!r} is "
                "asked for; leave it out to continue that run, or give another --output."
            )
    return run


def _learn(
    stream: Stream, folder: RunFolder, check_interrupt: Callable[[], None], *, in_json: bool
) -> None:
    status = Status()
    stream.on_progress = EpochProgress(status, check_interrupt)
    for result in stream:
        status.clear()
        if in_json:
            print_json_line(task_json(result))
        else:
            print(task_line(result), flush=True)
        folder.save(stream, result)
    folder.finish(stream)
    if in_json:
        print_json_line(
            {"faa": float(stream.accuracy_matrix[-1].mean()), "output": str(folder.path)}
        )
    else:
        print(closing(stream, folder.path))
