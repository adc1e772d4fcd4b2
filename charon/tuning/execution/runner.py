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
from charon.tuning.execution.callbacks import Recorder, remove_checkpoints
from charon.tuning.execution.live_view import Progress
from charon.tuning.execution.ray_resume import GoingOn, resume_config
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.execution.trainable import CharonTrial, TrialSetting, beat_file, trial_config
from charon.tuning.records.completion import EXHAUSTED, EXTENDED, TIME_UP, is_over, spent_seconds
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, LOST, Journal
from charon.tuning.records.plan import Plan
from charon.tuning.session.provenance import trial_tags
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


def run_study(ready: ReadyStudy, console: Console) -> tuple[Journal, Sender]:
    """Run all trials that are not over yet; return what happened, and who sends it on.

    Raises:
        OSError: the results cannot be written any more.
    """
    ready.plan.write(ready.folder)
    for name in ("progress", "trials"):
        (ready.folder / name).mkdir(exist_ok=True)
    for old in (ready.folder / "progress").glob("*.failure"):
        old.unlink()
    journal = Journal(ready.folder / "journal.jsonl")
    if ready.options.extend is not None:
        journal.append(EXTENDED)
    spent = spent_seconds(journal.events)
    store = ready.store
    root = f"{store.artifacts}/{ready.study.name}" if store.artifacts else None
    sender = Sender(journal, ready.folder, store.uri, ready.study.name, root)
    tags = trial_tags(ready.clips, ready.study.preset, ready.script)
    journal.append(
        "study",
        key=ready.plan.key,
        title=ready.plan.title,
        varied=list(ready.study.varied),
        tags={**tags, "mlflow.note.content": ready.study.question},
    )
    sender.start()
    recorder = Recorder(journal, ready.folder, tags)
    progress = Progress(
        journal,
        objectives=ready.study.objectives,
        is_search=ready.study.is_search,
        num_trials=ready.plan.num_trials,
        slots=ready.slots,
        beat_file=lambda trial_id: beat_file(str(ready.folder), trial_id),
        console=console,
    )
    progress.headline = lambda: sender.problem
    recorder.listeners.append(progress.on_event)
    hours = ready.plan.hours
    deadline = math.inf if hours is None else time.time() + 3600 * hours - spent
    with progress, _explained(ready):
        ended_by = _tune(ready, recorder, journal, deadline)
    if ended_by:
        journal.append(ended_by)
    for line in closing_words(journal, ready.plan, ended_by):
        console.print(line, markup=False)
    shutil.rmtree(ready.folder / "progress", ignore_errors=True)
    if is_over(journal, ready.plan.num_trials):
        remove_leftovers(ready.folder, journal)
    return journal, sender


def check_database(folder: Path) -> None:
    """Check that a search in this folder can use its database.

    Raises:
        ResultsError: it is no database of Optuna, of another version, or locked.
    """
    from charon.tuning.sampling.database import DATABASE, check_database

    check_database(folder / DATABASE)


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


def outcome_of(journal: Journal, num_trials: int) -> str:
    """Return how a study of so many trials has ended as a whole."""
    if not is_over(journal, num_trials):
        return INTERRUPTED
    has_failed = any(record.status == FAILED for record in journal.trials.values())
    return FAILED if has_failed else FINISHED


def _tune(ready: ReadyStudy, recorder: Recorder, journal: Journal, deadline: float) -> str:
    """Run the trials on Ray; return what ended a search before it had all of them."""
    setting = TrialSetting(
        title=f"charon_{ready.plan.data}",
        cache=str(ready.cache),
        folder=str(ready.folder),
        objective=watched(ready.study.objectives, is_search=ready.study.is_search),
        cpus=ready.cpus,
        gpus=ready.gpus,
        share_first_task=ready.options.share_first_task,
    )
    resume = resume_config(ready.folder / RAY_FOLDER)
    search = None
    if ready.study.is_search:
        search, more = _search(ready, setting, journal, deadline, is_new=resume is None)
    else:
        configs = [
            trial_config(setting, trial.label, trial.fields, trial.role) for trial in ready.trials
        ]
        more = {"config": {"trial": tune.grid_search(configs)}}
    begin = partial(_begin, search, journal)
    going_on = [GoingOn(ready.folder / RAY_FOLDER, asdict(setting), begin)] if resume else []
    if not resume:
        begin(set())
    # A variable for Lightning only; with any of its own a trial gets none of the processes that
    # Ray has made ready.
    class_cache.DEFAULT_ENV_VARS.clear()
    tune.run(
        CharonTrial,
        name=RAY_FOLDER,
        storage_path=str(ready.folder),
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
    ready: ReadyStudy, setting: TrialSetting, journal: Journal, deadline: float, *, is_new: bool
) -> tuple["StudySearch", dict[str, Any]]:
    from charon.tuning.execution.asha import TaskHalving, num_brackets
    from charon.tuning.execution.searcher import Limits, LongerSearch, StudySearch
    from charon.tuning.sampling.database import DATABASE
    from charon.tuning.sampling.encoding import Encoding
    from charon.tuning.sampling.optuna_study import make_study
    from charon.tuning.study.search_methods import NUMBERS_ONLY

    study, plan = ready.study, ready.plan
    size = MemorySize.on(ready.clips.tasks, ready.clips.archive.description.parts)
    search = StudySearch(
        make_study(plan, ready.folder, study.seeds[0]),
        Encoding(study.space, as_numbers=study.sampler in NUMBERS_ONLY),
        ready.trials[0].fields,
        study.objectives,
        Limits(plan.num_trials, deadline, plan.budget, lambda fields: size(fields)[1]),
        asdict(setting),
    )

    search.on_suggestion = lambda suggestion: noted(journal, suggestion)
    if not is_new:
        suggested = (event["ray"] for event in journal.of_kind("suggestion") if event["ray"])
        search.trials.check_holds(suggested, ready.folder / DATABASE)
    num_tasks = len(ready.clips.tasks.tasks)
    brackets = num_brackets(num_tasks) if study.pruner == "hyperband" else 1
    scheduler = None
    if study.pruner != "none":
        scheduler = TaskHalving(num_tasks, search.trials.scores(), brackets)
    return search, {
        "config": {},  # all of it is suggested
        "search_alg": LongerSearch(search, ready.slots),
        "scheduler": scheduler,
        "num_samples": -1,
    }


def noted(journal: Journal, one: "Suggestion") -> None:
    """Write a setting that was suggested into the journal, whether it is run or not."""
    journal.append(
        "suggestion", number=one.number, ray=one.ray_trial, fields=one.fields, refused=one.refused
    )


def _explained(ready: ReadyStudy) -> AbstractContextManager[None]:
    """Explain it should a search's database become locked; a grid has none."""
    if not ready.study.is_search:
        return nullcontext()
    from charon.tuning.sampling.database import DATABASE, explaining

    return explaining(ready.folder / DATABASE)


def _folder_of(trial: Any) -> str:
    return str(trial.trial_id)
