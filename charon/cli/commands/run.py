"""Learn a stream of tasks, one after the other, and evaluate after each.

DIR gets a checkpoint and a line of metrics.jsonl after every task, and at the end the model
(for `charon predict`), the accuracy matrix, the confusion matrix, the accuracy of each class and
run.json with every setting. `charon run --resume --output DIR` continues an interrupted run and
ends with the same numbers.
"""

import argparse
import shlex
import sys
from pathlib import Path

from charon.arguments import whole_number
from charon.cli.clips import open_clips
from charon.cli.configuration import given_fields, resumed_run
from charon.cli.console import Status
from charon.cli.interrupt import INTERRUPTED, Interrupt
from charon.cli.options import add_cache_argument, cache_dir
from charon.cli.run_folder import RunFolder
from charon.cli.run_report import EpochProgress, closing, memory_warning, task_line, title
from charon.config import PRESETS, Run
from charon.data.formats import known_formats
from charon.data.prepare import open_source
from charon.learners import LEARNERS
from charon.training.stream import Position, Stream


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--data", metavar="PATH", help=f"{known_formats()} (default: standin)")
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="paper follows the text of the paper (default); released the authors' code",
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


def main(options: argparse.Namespace) -> int:
    """Learn the stream."""
    folder = RunFolder(options.output.expanduser())
    given = given_fields(options)
    if options.resume:
        run = resumed_run(folder, given, options.preset)
    else:
        folder.refuse_used()
        run = Run.preset(options.preset or "paper", given)
    source = open_source(run.data.path, keep_gaps=run.data.keep_gaps)
    stream = Stream(run, open_clips(source, run.data.path, cache_dir(options)))
    done = folder.load(stream) if options.resume else 0
    try:
        with Interrupt() as interrupt:
            folder.start(stream)
            print(title(stream))
            if options.resume:
                print(
                    f"Continues after task {done}." if done else "Begins again: no task was done."
                )
            if warning := memory_warning(stream):
                print(warning, file=sys.stderr)
            _learn(stream, folder, interrupt)
            return 0
    except KeyboardInterrupt:
        print("\ncharon: interrupted; continue with the command", file=sys.stderr)
        print(f"  {_resume_command(options)}", file=sys.stderr)
        return INTERRUPTED


def _learn(stream: Stream, folder: RunFolder, interrupt: Interrupt) -> None:
    status = Status()
    progress = EpochProgress(status)

    def on_progress(position: Position) -> None:
        interrupt.check()
        progress(position)

    stream.on_progress = on_progress
    for result in stream:
        status.clear()
        print(task_line(result), flush=True)
        folder.save(stream, result)
    folder.finish(stream)
    print(closing(stream, folder.path))


def _resume_command(options: argparse.Namespace) -> str:
    words = ["charon", "run", "--resume", "--output", str(options.output)]
    if options.cache is not None:
        words += ["--cache", str(options.cache)]
    return shlex.join(words)
