"""The study on Ray: from the list of trials to their recorded ends."""

import os
import shutil
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune import CheckpointConfig, ResumeConfig
from rich.console import Console

from charon.tuning.cluster import this_machine
from charon.tuning.facts import trial_tags
from charon.tuning.journal import FAILED, FINISHED, INTERRUPTED, OUTCOMES, PRUNED, Journal
from charon.tuning.progress import Progress
from charon.tuning.recorder import Recorder
from charon.tuning.session import Session
from charon.tuning.sharing import first_tasks_folder
from charon.tuning.tracking import Sender
from charon.tuning.trainable import CharonTrial, TrialSetting, beat_file, trial_config

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
    )
    progress.headline = lambda: sender.problem
    recorder.listeners.append(progress.on_event)
    # A scheduler's polite request to end is an interruption like Ctrl-C; Ray has taken it over.
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    with progress:
        _tune(session, recorder)
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
    records = list(journal.trials.values())
    over = [r for r in records if r.status in OUTCOMES and r.status != INTERRUPTED]
    if len([r for r in over if r.status in (FINISHED, PRUNED, FAILED)]) < session.plan.num_trials:
        return INTERRUPTED
    return FAILED if any(record.status == FAILED for record in records) else FINISHED


def _tune(session: Session, recorder: Recorder) -> None:
    setting = TrialSetting(
        title=f"charon_{session.plan.data}",
        cache=str(session.cache),
        folder=str(session.folder),
        objective=session.study.objective,
        cpus=session.cpus,
        gpus=session.gpus,
        share_first_task=session.options.share_first_task,
    )
    if session.study.is_search:
        more = _search(session, setting)
    else:
        configs = [trial_config(setting, trial.label, trial.fields) for trial in session.trials]
        more = {"config": {"trial": tune.grid_search(configs)}}
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


def _search(session: Session, setting: TrialSetting) -> dict[str, Any]:
    from charon.tuning.pruning import TaskHalving
    from charon.tuning.search import StudySearch

    study = session.study
    search = StudySearch(
        study.space,
        session.trials[0].fields,
        session.folder / "optuna.db",
        f"{study.name}-{session.plan.key}",
        study.seeds[0],
    )
    num_tasks = len(session.clips.tasks.tasks)
    scheduler = TaskHalving(num_tasks, search.scores()) if study.prune else None
    return {
        "config": {"trial": {"setting": asdict(setting)}},
        "search_alg": search,
        "scheduler": scheduler,
        "num_samples": study.num_trials,
        "max_concurrent_trials": slots(session),
    }


def _resume(session: Session) -> ResumeConfig | None:
    """Return how Ray goes on; None where it has not begun."""
    if not list((session.folder / RAY_FOLDER).glob("experiment_state-*.json")):
        return None
    kind = ResumeConfig.ResumeType
    return ResumeConfig(finished=kind.SKIP, unfinished=kind.RESUME, errored=kind.RESUME)


def _folder_of(trial: Any) -> str:
    return str(trial.trial_id)
