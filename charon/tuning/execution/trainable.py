"""A trial on Ray: an adaptor around the stream, which knows nothing of Ray.

A trial is one configuration and one seed through the whole sequence of tasks. It saves,
then reports, once per task; whoever starts it again goes on from there with the same numbers.
"""

import gc
import math
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ray
import torch
from ray import tune
from ray._raylet import setproctitle  # type: ignore[attr-defined]

from charon.config import Run
from charon.data.prepare import prepare
from charon.errors import CharonError, DivergenceError
from charon.files import is_full, write_text
from charon.text import folder_name
from charon.training.artifacts import write_outputs
from charon.training.checkpoint import CHECKPOINT, fitting, load_checkpoint, save_checkpoint
from charon.training.stream import Stream, TaskResult
from charon.tuning.records.folder import describe_write_error
from charon.tuning.records.heartbeat import Heart, write_process
from charon.tuning.records.journal import TrialRecord
from charon.tuning.study.first_tasks import first_tasks_folder


@dataclass(frozen=True)
class TrialContext:
    """What a trial is told beside its run.

    Values are plain and paths absolute: a worker's working directory is a temporary one.

    Attributes:
        title: what Ray's dashboard calls the trial's process, e.g. ``"charon_ntu60"``.
        cache, folder: of the prepared sets, and of the study's results.
        accuracy: metric that must be a number in every report, such as ``"faa"``, on whatever
            part of the data the run is evaluated on.
        cpus, gpus: what one trial takes; a fraction of a GPU is also its share of memory.
        share_first_task: whether it looks for a first task that another trial has learned.
    """

    title: str
    cache: str
    folder: str
    accuracy: str
    cpus: float
    gpus: float
    share_first_task: bool = False


def trial_config(context: TrialContext, record: TrialRecord) -> dict[str, Any]:
    """Return what Ray gives to the trial, as ``config["trial"]``."""
    about = {"id": record.trial_id, "number": record.number, "name": record.label}
    return {**about, "run": record.fields, "context": asdict(context)}


def reports(trial: Mapping[str, Any]) -> Generator[dict[str, Any], None, None]:
    """Learn the stream of the run that :func:`trial_config` describes; yield a report per task.

    A trial that goes on repeats the reports in its checkpoint first: whoever interrupted it may
    have lost some. An error is kept in a file, and raised at once when Ray tries the trial again,
    for it would only repeat itself; one of a disk need not, and is kept in another file. The driver
    removes these files when a study is resumed.
    """
    context = TrialContext(**trial["context"])
    node = ray.get_runtime_context().get_node_id() if ray.is_initialized() else ""
    write_process(process_file(context.folder, trial["id"]), node, title_of(trial))
    torch.set_num_threads(max(1, int(context.cpus)))
    if torch.cuda.is_available():
        gc.collect()  # what the process's last trial may still hold of the device
        torch.cuda.empty_cache()
        if 0 < context.gpus < 1:
            torch.cuda.set_per_process_memory_fraction(context.gpus)
    failure = failure_file(context.folder, trial["id"])
    if failure.exists():
        raise CharonError(failure.read_text(encoding="utf-8", errors="replace"))
    try:
        yield from _learn(trial, context)
    except OSError as error:
        reason = f"OSError: {error}"
        if is_full(error):
            reason = describe_write_error(Path(context.folder), error)
        with suppress(OSError):
            write_text(trouble_file(context.folder, trial["id"]), reason)
        raise
    except Exception as error:
        kind = "" if isinstance(error, CharonError) else f"{type(error).__name__}: "
        reason = f"{kind}{error}"
        if isinstance(error, torch.OutOfMemoryError):
            used_up = f"The GPU's memory is used up at --gpus-per-trial {context.gpus:g}"
            advice = "pack fewer trials (a larger fraction), or lower optimiser.batch_size"
            reason = f"{used_up}; {advice}."
        elif isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            reason = (
                "The machine's memory is used up; lower optimiser.batch_size, or run fewer trials "
                "at once with a larger --cpus-per-trial."
            )
        with suppress(OSError):  # Ray tries the trial again then
            write_text(failure, reason)
        raise


def _learn(trial: Mapping[str, Any], context: TrialContext) -> Iterator[dict[str, Any]]:
    run = Run.from_flat(trial["run"])
    archive = prepare(run.data.path, Path(context.cache), reading=run.data.reading)
    shared = first_tasks_folder(context.folder) if context.share_first_task else None
    heart = Heart(beat_file(context.folder, trial["id"]))
    stream = Stream(run, archive, shared)
    stream.on_step = heart.pulse
    folder = checkpoint_folder(context.folder, trial["id"])
    learned: list[dict[str, Any]] = []
    if (folder / CHECKPOINT).exists():
        saved = load_checkpoint(folder, run)
        with fitting(folder / CHECKPOINT, "remove it, and the trial begins anew"):
            stream.load_state_dict(saved["stream"])
            learned = list(saved["reports"])
    yield from learned
    stream.on_progress = lambda at: heart.beat(at.task, at.epoch, at.epochs, at.phase)
    start = time.monotonic()
    for result in stream:
        if result.is_last:
            write_outputs(outputs_folder(context.folder, trial["name"]), stream)
        metric = f"{run.data.evaluate_on}/{context.accuracy}"
        learned.append(_report(result, metric, trial["name"], time.monotonic() - start))
        save_checkpoint(folder, {"stream": stream.state_dict(), "reports": learned}, run)
        yield learned[-1]
        start = time.monotonic()


def _report(result: TaskResult, metric: str, name: str, seconds: float) -> dict[str, Any]:
    value = result.metrics.get(metric, math.nan)
    if not math.isfinite(value):
        raise DivergenceError(
            f"{metric} is {value} after task {result.task} of the run {name!r}; "
            "lower optimiser.learning_rate."
        )
    matrix = result.accuracy_matrix.tolist()
    return {
        "metrics": dict(result.metrics),
        "epochs": result.epochs.to_json(),
        "matrix": [[None if math.isnan(a) else a for a in row] for row in matrix],
        "task": result.task,
        "num_tasks": result.num_tasks,
        "seconds": seconds,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    }


def checkpoint_folder(study_folder: Path | str, trial_id: str = "") -> Path:
    """Return where a trial that is not over keeps its checkpoint, or all such trials do."""
    return Path(study_folder) / "checkpoints" / trial_id


def outputs_folder(study_folder: Path | str, name: str) -> Path:
    """Return where a finished trial leaves its model, matrices and accuracies."""
    return Path(study_folder) / "trials" / folder_name(name)


def beat_file(study_folder: Path | str, trial_id: str) -> Path:
    """Return the file in which a trial says how far it is."""
    return Path(study_folder) / "progress" / f"{trial_id}.json"


def process_file(study_folder: Path | str, trial_id: str) -> Path:
    """Return the file in which a trial says which process learns it."""
    return Path(study_folder) / "progress" / f"{trial_id}.process"


def title_of(trial: Mapping[str, Any]) -> str:
    """Return what the process of a trial is called while it learns it."""
    return f"ray::{trial['context']['title']} {trial['name']}"


def failure_file(study_folder: Path | str, trial_id: str) -> Path:
    """Return the file in which a failed trial says why."""
    return Path(study_folder) / "progress" / f"{trial_id}.failure"


def trouble_file(study_folder: Path | str, trial_id: str) -> Path:
    """Return the file in which a trial says why it stopped, that may do better if tried again."""
    return Path(study_folder) / "progress" / f"{trial_id}.trouble"


class CharonTrial(tune.Trainable):  # type: ignore[misc]
    """The trials of one process, one after the other, as Ray places and shows them.

    A process of its own for each would import torch and Ray anew: three seconds of a core. A
    trial that fails takes its process with it.
    """

    def setup(self, config: dict[str, Any]) -> None:
        """Take the first trial; nothing is done for it before its first task."""
        self._reports = reports(config["trial"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial."""
        self._reports.close()
        self._reports = reports(new_config["trial"])
        return True

    def step(self) -> dict[str, Any]:
        """Learn a task; meanwhile the process is called as its trial is."""
        setproctitle(title_of(self.config["trial"]))
        report = next(self._reports)
        return {**report, "done": report["task"] == report["num_tasks"]}

    def cleanup(self) -> None:
        """Leave the trial, which may have been stopped before its last task."""
        self._reports.close()

    def __repr__(self) -> str:
        """Return what Ray's list of actors calls the process; Ray asks for it only once."""
        return f"{self.config['trial']['context']['title']} trials"

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> Any:
        """Return what one trial takes of a node."""
        context = config["trial"]["context"]
        bundle = {"CPU": context["cpus"], "GPU": context["gpus"]}
        return tune.PlacementGroupFactory([{k: v for k, v in bundle.items() if v}])
