"""The study on Ray: from the list of trials to their recorded ends."""

import math
import os
import shutil
import signal
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune
from ray.tune import CheckpointConfig, ResumeConfig
from ray.tune.execution import class_cache
from rich.console import Console

from charon.tuning.budget import EXTENDED, TIME_UP, MemorySize, is_over, spent_seconds
from charon.tuning.cluster import this_machine
from charon.tuning.facts import trial_tags
from charon.tuning.journal import FAILED, FINISHED, INTERRUPTED, Journal
from charon.tuning.objectives import best_direction, watched
from charon.tuning.progress import Progress
from charon.tuning.recorder import Recorder
from charon.tuning.session import Session
from charon.tuning.sharing import first_tasks_folder
from charon.tuning.tracking import Sender
from charon.tuning.trainable import CharonTrial, TrialSetting, beat_file, trial_config

if TYPE_CHECKING:
    from charon.tuning.search import StudySearch

MAX_FAILURES = 3
"""How often a trial whose process was killed is started again from its last task."""

KEPT_CHECKPOINTS = 3
"""With 2, Ray's snapshot of the study can name a checkpoint that is gone."""

RAY_FOLDER = "ray"


def run_study(session: Session, script: Path, console: Console) -> tuple[Journal, Sender]:
    """Run all trials that are not over yet; return what happened, and who sends it on.

    Raises:
        OSError: the results cannot be written any more.
    """
    session.plan.write(session.folder)
    for name in ("progress", "trials"):
        (session.folder / name).mkdir(exist_ok=True)
    for old in (session.folder / "progress").glob("*.failure"):
        old.unlink()
    journal = Journal(session.folder / "journal.jsonl")
    if session.options.extend is not None:
        journal.append(EXTENDED, num_trials=session.plan.num_trials)
    spent = spent_seconds(journal.events)
    store = session.store
    root = f"{store.artifacts}/{session.study.name}" if store.artifacts else None
    sender = Sender(journal, session.folder, store.uri, session.study.name, root)
    tags = trial_tags(session.clips, session.study.preset, script)
    journal.append(
        "study",
        key=session.plan.key,
        title=session.plan.title,
        varied=list(session.study.varied),
        tags={**tags, "mlflow.note.content": session.study.question},
    )
    sender.start()
    recorder = Recorder(journal, session.folder, tags)
    progress = Progress(
        journal,
        objective=session.study.objective,
        num_trials=session.plan.num_trials,
        slots=slots(session),
        beat_file=lambda trial_id: beat_file(str(session.folder), trial_id),
        console=console,
        direction=best_direction(session.study.objectives),
    )
    progress.headline = lambda: sender.problem
    recorder.listeners.append(progress.on_event)
    # A scheduler's polite request to end is an interruption like Ctrl-C; Ray has taken it over.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    hours = session.plan.hours
    deadline = math.inf if hours is None else time.time() + 3600 * hours - spent
    with progress, _explained(session):
        is_out_of_time = _tune(session, recorder, journal, deadline)
    if is_out_of_time:
        journal.append(TIME_UP, num_trials=len(journal.trials))
        console.print(
            f"The time of the search (--hours {hours:g}) is up after {len(journal.trials)} of "
            f"{session.plan.num_trials} trials; add more with --extend N.",
            markup=False,
        )
    if all(record.status == FINISHED for record in journal.trials.values()):
        recorder.remove_finished_checkpoints()
    shutil.rmtree(session.folder / "progress", ignore_errors=True)
    if outcome_of(session, journal) == FINISHED:
        shutil.rmtree(first_tasks_folder(str(session.folder)), ignore_errors=True)
    return journal, sender


def slots(session: Session) -> int:
    """Return how many trials run at once."""
    cluster = session.cluster or this_machine()
    by_cpu = cluster.cpus / session.cpus
    by_gpu = by_cpu
    if session.gpus >= 1:
        by_gpu = cluster.gpus / session.gpus
    elif session.gpus > 0:
        by_gpu = cluster.gpus * int(1 / session.gpus + 1e-9)  # no trial takes parts of two
    return max(1, int(min(by_cpu, by_gpu) + 1e-9))


def outcome_of(session: Session, journal: Journal) -> str:
    """Return how the study as a whole has ended."""
    if not is_over(journal, session.plan.num_trials):
        return INTERRUPTED
    has_failed = any(record.status == FAILED for record in journal.trials.values())
    return FAILED if has_failed else FINISHED


def _tune(session: Session, recorder: Recorder, journal: Journal, deadline: float) -> bool:
    """Run the trials on Ray; return whether a search had no time for all of them."""
    setting = TrialSetting(
        title=f"charon_{session.plan.data}",
        cache=str(session.cache),
        folder=str(session.folder),
        objective=watched(session.study.objectives, is_search=session.study.is_search),
        cpus=session.cpus,
        gpus=session.gpus,
        share_first_task=session.options.share_first_task,
    )
    search = None
    if session.study.is_search:
        search, more = _search(session, setting, journal, deadline)
    else:
        configs = [trial_config(setting, trial.label, trial.fields) for trial in session.trials]
        more = {"config": {"trial": tune.grid_search(configs)}}
    # A variable for Lightning only; with any of its own a trial gets none of the processes that
    # Ray has made ready.
    class_cache.DEFAULT_ENV_VARS.clear()
    tune.run(
        CharonTrial,
        name=RAY_FOLDER,
        storage_path=str(session.folder),
        callbacks=[recorder],
        checkpoint_config=CheckpointConfig(num_to_keep=KEPT_CHECKPOINTS),
        max_failures=MAX_FAILURES,
        resume_config=_resume(session),
        reuse_actors=True,
        raise_on_failed_trial=False,
        trial_dirname_creator=_folder_of,
        verbose=0,
        **more,
    )
    return search is not None and search.is_out_of_time


def _search(
    session: Session, setting: TrialSetting, journal: Journal, deadline: float
) -> tuple["StudySearch", dict[str, Any]]:
    from charon.tuning.encoding import Encoding
    from charon.tuning.pruning import TaskHalving, num_brackets
    from charon.tuning.samplers import NUMBERS_ONLY
    from charon.tuning.search import Limits, LongerSearch, StudySearch, Suggestion, make_study

    study, plan = session.study, session.plan
    size = MemorySize.on(session.clips)
    search = StudySearch(
        make_study(plan, session.folder, study.seeds[0]),
        Encoding(study.space, as_numbers=study.sampler in NUMBERS_ONLY),
        session.trials[0].fields,
        study.objectives,
        Limits(plan.num_trials, deadline, plan.budget, lambda fields: size(fields)[1]),
    )

    def note(one: Suggestion) -> None:
        journal.append("suggestion", number=one.number, ray=one.ray_trial, fields=one.fields)

    search.on_suggestion = note
    if _resume(session) is None:
        search.begin()
    num_tasks = len(session.clips.tasks.tasks)
    brackets = num_brackets(num_tasks) if study.pruner == "hyperband" else 1
    scheduler = None
    if study.pruner != "none":
        scheduler = TaskHalving(num_tasks, search.scores(), brackets)
    return search, {
        "config": {"trial": {"setting": asdict(setting)}},
        "search_alg": LongerSearch(search, slots(session)),
        "scheduler": scheduler,
        "num_samples": -1,
    }


def _explained(session: Session) -> AbstractContextManager[None]:
    """Explain it should a search's database become locked; a grid has none."""
    if not session.study.is_search:
        return nullcontext()
    from charon.tuning.database import DATABASE, explaining

    return explaining(session.folder / DATABASE)


def _resume(session: Session) -> ResumeConfig | None:
    """Return how Ray goes on; None where it has not begun."""
    if not list((session.folder / RAY_FOLDER).glob("experiment_state-*.json")):
        return None
    kind = ResumeConfig.ResumeType
    return ResumeConfig(finished=kind.SKIP, unfinished=kind.RESUME, errored=kind.RESUME)


def _folder_of(trial: Any) -> str:
    return str(trial.trial_id)
