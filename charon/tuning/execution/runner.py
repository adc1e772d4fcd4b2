"""The study on Ray: from the list of trials to their recorded ends."""

import math
import shutil
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune
from ray.tune import CheckpointConfig
from ray.tune.execution import class_cache
from rich.console import Console

from charon.text import counted
from charon.tuning.cluster.cluster import this_machine
from charon.tuning.execution.callbacks import Recorder, remove_checkpoints
from charon.tuning.execution.live_view import LiveView
from charon.tuning.execution.ray_resume import GoingOn, resume_config
from charon.tuning.execution.trainable import CharonTrial, TrialSetting, beat_file, trial_config
from charon.tuning.records.completion import EXHAUSTED, EXTENDED, TIME_UP, is_over, spent_seconds
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, LOST, Journal
from charon.tuning.records.plan import Plan
from charon.tuning.session.provenance import trial_tags
from charon.tuning.session.session import Session
from charon.tuning.study.budget import MemorySize
from charon.tuning.study.first_tasks import first_tasks_folder
from charon.tuning.study.objectives import watched
from charon.tuning.tracking.sender import Sender

if TYPE_CHECKING:
    from charon.tuning.execution.searcher import StudySearch
    from charon.tuning.sampling.suggestions import Suggestion

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
        journal.append(EXTENDED)
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
    progress = LiveView(
        journal,
        objectives=session.study.objectives,
        is_search=session.study.is_search,
        num_trials=session.plan.num_trials,
        slots=slots(session),
        beat_file=lambda trial_id: beat_file(str(session.folder), trial_id),
        console=console,
    )
    progress.headline = lambda: sender.problem
    recorder.listeners.append(progress.on_event)
    hours = session.plan.hours
    deadline = math.inf if hours is None else time.time() + 3600 * hours - spent
    with progress, _explained(session):
        ended_by = _tune(session, recorder, journal, deadline)
    if ended_by:
        journal.append(ended_by)
    for line in closing_words(journal, session.plan, ended_by):
        console.print(line, markup=False)
    shutil.rmtree(session.folder / "progress", ignore_errors=True)
    if is_over(journal, session.plan.num_trials):
        remove_leftovers(session.folder, journal)
    return journal, sender


def closing_words(journal: Journal, plan: Plan, ended_by: str) -> list[str]:
    """Return what a user should know of how a search ended: why early, and what was not run."""
    refused = [event["refused"] for event in journal.of_kind("suggestion") if event["refused"]]
    tried = [record for record in journal.trials.values() if record.status != LOST]
    number = f"{len(tried)} of {plan.num_trials} trials"
    lines = []
    if refused:
        lines.append(
            f"Suggested, but not run: {counted(len(refused), 'setting')} (journal.jsonl says why "
            f"of each), the last for this reason: {refused[-1]}"
        )
    if not is_over(journal, plan.num_trials):
        return lines
    if ended_by == EXHAUSTED:
        lines.append(
            f"The search ends after {number}, for nothing more was suggested that can be run; "
            "search a smaller space, or with a larger --budget, in a new study."
        )
    if ended_by == TIME_UP:
        lines.append(
            f"The {plan.hours or 0:g} hours of the search are used up after {number}; "
            "add more with --extend N."
        )
    return lines


def remove_leftovers(folder: Path, journal: Journal) -> None:
    """Remove what only trials that go on need; the checkpoints of failed ones stay for those."""
    for record in journal.trials.values():
        if record.status != FAILED:
            remove_checkpoints(folder / RAY_FOLDER / record.trial_id)
    shutil.rmtree(first_tasks_folder(str(folder)), ignore_errors=True)


def slots(session: Session) -> int:
    """Return how many trials run at once."""
    cluster = session.cluster or this_machine()
    here = (machine.at_once(session.cpus, session.gpus) for machine in cluster.machines)
    return max(1, sum(here))


def outcome_of(session: Session, journal: Journal) -> str:
    """Return how the study as a whole has ended."""
    if not is_over(journal, session.plan.num_trials):
        return INTERRUPTED
    has_failed = any(record.status == FAILED for record in journal.trials.values())
    return FAILED if has_failed else FINISHED


def _tune(session: Session, recorder: Recorder, journal: Journal, deadline: float) -> str:
    """Run the trials on Ray; return what ended a search before it had all of them."""
    setting = TrialSetting(
        title=f"charon_{session.plan.data}",
        cache=str(session.cache),
        folder=str(session.folder),
        objective=watched(session.study.objectives, is_search=session.study.is_search),
        cpus=session.cpus,
        gpus=session.gpus,
        share_first_task=session.options.share_first_task,
    )
    resume = resume_config(session.folder / RAY_FOLDER)
    search = None
    if session.study.is_search:
        search, more = _search(session, setting, journal, deadline, is_new=resume is None)
    else:
        configs = [trial_config(setting, trial.label, trial.fields) for trial in session.trials]
        more = {"config": {"trial": tune.grid_search(configs)}}
    begin = partial(_begin, search, journal)
    going_on = [GoingOn(session.folder / RAY_FOLDER, asdict(setting), begin)] if resume else []
    if not resume:
        begin(set())
    # A variable for Lightning only; with any of its own a trial gets none of the processes that
    # Ray has made ready.
    class_cache.DEFAULT_ENV_VARS.clear()
    tune.run(
        CharonTrial,
        name=RAY_FOLDER,
        storage_path=str(session.folder),
        callbacks=[recorder, *going_on],
        checkpoint_config=CheckpointConfig(num_to_keep=KEPT_CHECKPOINTS),
        max_failures=MAX_FAILURES,
        resume_config=resume,
        reuse_actors=True,  # CharonTrial is made for it, and a new process takes seconds
        raise_on_failed_trial=False,
        trial_dirname_creator=_folder_of,
        verbose=0,
        **more,
    )
    return search.ended_by if search is not None else ""


def _begin(search: "StudySearch | None", journal: Journal, running: set[str]) -> None:
    """Tell a search, where there is one, which trials Ray goes on with, and which have ended."""
    if search is not None:
        search.begin(running, journal.over)


def _search(
    session: Session, setting: TrialSetting, journal: Journal, deadline: float, *, is_new: bool
) -> tuple["StudySearch", dict[str, Any]]:
    from charon.tuning.execution.asha import TaskHalving, num_brackets
    from charon.tuning.execution.searcher import Limits, LongerSearch, StudySearch
    from charon.tuning.sampling.database import DATABASE
    from charon.tuning.sampling.encoding import Encoding
    from charon.tuning.sampling.optuna_study import make_study
    from charon.tuning.sampling.samplers import NUMBERS_ONLY

    study, plan = session.study, session.plan
    size = MemorySize.on(session.clips)
    search = StudySearch(
        make_study(plan, session.folder, study.seeds[0]),
        Encoding(study.space, as_numbers=study.sampler in NUMBERS_ONLY),
        session.trials[0].fields,
        study.objectives,
        Limits(plan.num_trials, deadline, plan.budget, lambda fields: size(fields)[1]),
        asdict(setting),
    )

    search.on_suggestion = lambda suggestion: noted(journal, suggestion)
    if not is_new:
        suggested = (event["ray"] for event in journal.of_kind("suggestion") if event["ray"])
        search.trials.check_holds(suggested, session.folder / DATABASE)
    num_tasks = len(session.clips.tasks.tasks)
    brackets = num_brackets(num_tasks) if study.pruner == "hyperband" else 1
    scheduler = None
    if study.pruner != "none":
        scheduler = TaskHalving(num_tasks, search.trials.scores(), brackets)
    return search, {
        "config": {},  # all of it is suggested
        "search_alg": LongerSearch(search, slots(session)),
        "scheduler": scheduler,
        "num_samples": -1,
    }


def noted(journal: Journal, one: "Suggestion") -> None:
    """Write a setting that was suggested into the journal, whether it is run or not."""
    journal.append(
        "suggestion", number=one.number, ray=one.ray_trial, fields=one.fields, refused=one.refused
    )


def _explained(session: Session) -> AbstractContextManager[None]:
    """Explain it should a search's database become locked; a grid has none."""
    if not session.study.is_search:
        return nullcontext()
    from charon.tuning.sampling.database import DATABASE, explaining

    return explaining(session.folder / DATABASE)


def _folder_of(trial: Any) -> str:
    return str(trial.trial_id)
