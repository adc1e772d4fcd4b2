"""Learn a stream of tasks, one after the other, and evaluate after each.

DIR gets a checkpoint and a line of metrics.jsonl after every task, and at the end the model
(for `charon predict`), the accuracy matrix, the confusion matrix, the accuracy of each class and
run.json with every setting. `charon run --resume --output DIR` continues an interrupted run and
ends with the same numbers.
"""

import argparse
import json
import shlex
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, Self

from charon.arguments import whole_number
from charon.cli.clips import STANDIN_NOTE, add_cache_argument, cache_dir, open_clips
from charon.cli.console import Status
from charon.cli.run_folder import RunFolder
from charon.config import PRESETS, Run
from charon.data.formats import known_formats
from charon.data.prepare import open_source
from charon.errors import CheckpointError, ConfigError
from charon.learners import LEARNERS
from charon.settings import parse_field
from charon.text import byte_size, clock, counted
from charon.training.checkpoint import MAY_DIFFER
from charon.training.stream import Position, Stream, TaskResult

_INTERRUPTED = 130


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
    given = _given(options)
    if options.resume:
        run = _resumed(folder, given, options.preset)
    else:
        folder.refuse_used()
        run = Run.preset(options.preset or "paper", given)
    source = open_source(run.data.path, keep_gaps=run.data.keep_gaps)
    stream = Stream(run, open_clips(source, run.data.path, cache_dir(options)))
    done = folder.load(stream) if options.resume else 0
    interrupt = _Interrupt()
    try:
        with interrupt:
            return _run(stream, folder, options, done, interrupt)
    except KeyboardInterrupt:
        print("\ncharon: interrupted; continue with the command", file=sys.stderr)
        print(f"  {_resume_command(options)}", file=sys.stderr)
        return _INTERRUPTED


class _Interrupt:
    """Ctrl-C that cannot get lost.

    It interrupts at once; and where a library swallows that (an import in the middle of a
    step does), :meth:`check` does it again at the end of the epoch.
    """

    def __init__(self) -> None:
        self._was_asked = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self._was_asked = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt if it was asked for."""
        if self._was_asked:
            raise KeyboardInterrupt


def _run(
    stream: Stream,
    folder: RunFolder,
    options: argparse.Namespace,
    done: int,
    interrupt: _Interrupt,
) -> int:
    folder.start(stream)
    print(_title(stream))
    if options.resume:
        print(f"Continues after task {done}." if done else "Begins again: no task was done.")
    _warn_of_memory(stream)
    return _learn(stream, folder, interrupt)


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the command line and its file, by their dotted names."""
    flags = {"data.path": options.data, "learner": options.learner, "seed": options.seed}
    settings = [(name, value) for name, value in flags.items() if value is not None]
    settings += [parse_field(text) for text in options.settings]
    given = dict(settings)
    if len(given) < len(settings):
        names = [name for name, _ in settings]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"{twice} is given twice; give it once.")
    return {**(_read_config(options.config) if options.config else {}), **given}


def _read_config(path: Path) -> dict[str, Any]:
    """Read settings from a JSON file.

    Raises:
        ConfigError: it cannot be read, or is not an object of plain values.
    """
    try:
        content = json.loads(path.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--config {path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise ConfigError(f"--config {path} is not a JSON file ({error}).") from error
    plain = bool | int | float | str | None
    if not isinstance(content, dict) or not all(isinstance(v, plain) for v in content.values()):
        raise ConfigError(
            f"--config {path} must hold one JSON object of fields and their values, such as "
            '{"learner": "charon", "learner.alpha": 0.3}; `charon fields` lists the fields.'
        )
    return content


def _resumed(folder: RunFolder, given: dict[str, Any], preset: str | None) -> Run:
    """Return the run in the folder; whatever is given again must agree with it."""
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


def _learn(stream: Stream, folder: RunFolder, interrupt: _Interrupt) -> int:
    status = Status()
    stream.on_progress = _EpochProgress(status, interrupt)
    for result in stream:
        status.clear()
        print(_task_line(result), flush=True)
        folder.save(stream, result)
    folder.finish(stream)
    print(_closing(stream, folder.path))
    return 0


class _EpochProgress:
    """Shows how far a run is, and how long the rest may take."""

    def __init__(self, status: Status, interrupt: _Interrupt) -> None:
        self._status = status
        self._interrupt = interrupt
        self._first: tuple[float, float] | None = None

    def __call__(self, progress: Position) -> None:
        """Show that an epoch has ended."""
        self._interrupt.check()
        now = time.monotonic()
        # From the first epoch on: a resumed run does not start at 0.
        since, begun = self._first = self._first or (now, progress.fraction)
        gained = progress.fraction - begun
        left = (now - since) / gained * (1 - progress.fraction) if gained > 0 else None
        self._status.show(
            f"task {progress.task}/{progress.num_tasks}: {progress.phase} epoch "
            f"{progress.epoch}/{progress.epochs}"
            f"{'' if left is None else f', about {clock(left)} left'}"
        )


def _title(stream: Stream) -> str:
    run, tasks = stream.run, stream.tasks
    sizes = sorted({len(task.classes) for task in tasks.tasks})
    each = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    lines = [
        f"{run.learner_name} on {run.data.path}, {tasks.protocol}: "
        f"{counted(stream.num_tasks, 'task')} of {each} classes"
        f"{', learned as one' if stream.is_joint else ''}; "
        f"{counted(tasks.num_training_clips, 'training clip')}; seed {run.seed}; {stream.device}."
    ]
    if stream.archive.description.is_standin:
        lines.append(f"This is {STANDIN_NOTE}.")
    if tasks.val_rule != "none":
        lines.append(f"Evaluated on validation clips: {tasks.val_rule}.")
    return "\n".join(lines)


def _warn_of_memory(stream: Stream) -> None:
    memory, num_clips = stream.learner.memory, stream.tasks.num_training_clips
    if memory is not None and memory.capacity >= num_clips:
        print(
            f"Warning: the memory can hold {memory.capacity:,} thinned clips, all of the "
            f"{num_clips:,} training clips, so nothing need be forgotten; "
            "lower learner.buffer_size.",
            file=sys.stderr,
        )


def _task_line(result: TaskResult) -> str:
    """Return what a person wants to know after a task."""
    metrics = {
        name.removeprefix("test/").removeprefix("val/"): v for name, v in result.metrics.items()
    }
    tasks = " ".join(f"{metrics[f'acc/task_{k + 1:02d}']:5.1f}" for k in range(result.task))
    parts = [f"task {result.task}/{result.num_tasks}", f"FAA {metrics['faa']:5.1f} %"]
    if "forgetting" in metrics:
        parts.append(f"forgetting {metrics['forgetting']:5.1f}")
    parts.append(f"tasks {tasks}")
    if metrics.get("memory/clips"):
        clips = counted(int(metrics["memory/clips"]), "clip")
        parts.append(f"memory {clips}, {byte_size(metrics['memory/bytes'])}")
    if "train/epochs_per_hour" in metrics:
        parts.append(f"{metrics['train/epochs_per_hour']:,.0f} epochs/h")
    parts.append(clock(metrics["time/task_seconds"]))
    return "  ".join(parts)


def _closing(stream: Stream, folder: Path) -> str:
    faa = float(stream.accuracy_matrix[-1].mean())
    lines = [f"FAA {faa:.2f} % over {counted(stream.num_tasks, 'task')}."]
    if stream.archive.description.is_standin:
        lines[0] = f"FAA {faa:.2f} % over {counted(stream.num_tasks, 'task')} of {STANDIN_NOTE}."
    lines.append(f"The model and all accuracies are in {folder}; label clips with")
    lines.append(f"  charon predict {shlex.quote(str(folder))} PATH")
    return "\n".join(lines)


def _resume_command(options: argparse.Namespace) -> str:
    words = ["charon", "run", "--resume", "--output", str(options.output)]
    if options.cache is not None:
        words += ["--cache", str(options.cache)]
    return shlex.join(words)
