"""The study on Ray: from the list of trials to their recorded ends."""

import math
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from ray import tune
from ray.tune.execution import class_cache
from ray.tune.search import ConcurrencyLimiter, Searcher
from rich.console import Console

from charon.files import remove_partial_files
from charon.text import counted
from charon.tuning.cluster.watch import ClusterGone
from charon.tuning.execution.callbacks import Recorder
from charon.tuning.execution.hung import HungTrials
from charon.tuning.execution.live_view import LiveView
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.execution.schedulers import InOrder, TaskHalving
from charon.tuning.execution.searcher import Entries, StudySearch
from charon.tuning.execution.trainable import CharonTrial, TrialContext, checkpoint_folder
from charon.tuning.records.halving import Halving
from charon.tuning.records.journal import (
    EXHAUSTED,
    EXTENDED,
    FAILED,
    FINISHED,
    INTERRUPTED,
    TIME_UP,
    Journal,
    is_over,
    spent_seconds,
)
from charon.tuning.records.plan import Plan
from charon.tuning.records.tables import write_tables
from charon.tuning.sampling.optuna_study import write_database
from charon.tuning.sampling.suggestions import Suggester
from charon.tuning.session.memory import memory_size
from charon.tuning.session.provenance import trial_tags
from charon.tuning.study.first_tasks import first_tasks_folder
from charon.tuning.study.objectives import watched
from charon.tuning.tracking.notes import QUESTION_TAG
from charon.tuning.tracking.sender import Sender


def run_study(ready: ReadyStudy, console: Console) -> Sender:
    """Run all trials that are not over yet; return who sends on what the journal says of it.

    Raises:
        OSError: the results cannot be written any more.
    """
    entries = _begin(ready)
    journal, study, plan = entries.journal, ready.study, ready.plan
    sender = Sender(journal, ready.folder, ready.store, study.name)
    sender.start()
    view = LiveView(
        journal,
        study.objectives,
        study.is_search,
        num_trials=plan.num_trials,
        slots=ready.slots,
        folder=ready.folder,
        console=console,
        headline=lambda: sender.problem,
    )
    hung = HungTrials(journal, ready.folder, ready.options.hung_after)
    recorder = Recorder(journal, ready.folder, view.on_event, ready.check, hung)
    with view.shown():
        try:
            ended_by = (_search if study.is_search else _run_grid)(ready, recorder, entries)
        except ClusterGone as error:
            recorder.on_experiment_end([])  # Ray cannot, which would wait for what is gone
            ended_by = ""
            console.print(str(error), style="red", markup=False)
    if ended_by:
        journal.append(ended_by)
    write_tables(ready.folder, journal)  # of trials that were over before, too
    for line in closing_words(journal, plan, ended_by):
        console.print(line, markup=False)
    shutil.rmtree(ready.folder / "progress", ignore_errors=True)
    if is_over(journal, plan.num_trials):
        remove_leftovers(ready.folder, journal)
    return sender


def _begin(ready: ReadyStudy) -> Entries:
    """Write the study's plan, begin a sitting in its journal, and return its entries."""
    remove_partial_files(ready.folder)
    ready.plan.write(ready.folder)
    shutil.rmtree(ready.folder / "progress", ignore_errors=True)
    for name in ("progress", "trials"):
        (ready.folder / name).mkdir(exist_ok=True)
    journal = ready.journal
    if ready.options.extend is not None:
        journal.append(EXTENDED)
    tags = trial_tags(ready.data, ready.study.preset, ready.script)
    journal.append(
        "study",
        key=ready.plan.key,
        title=ready.plan.title,
        varied=list(ready.study.varied),
        tags={**tags, QUESTION_TAG: ready.study.question},
    )
    context = TrialContext(
        title=f"charon_{ready.plan.data}",
        cache=str(ready.cache),
        folder=str(ready.folder),
        accuracy=watched(ready.study.objectives),
        cpus=ready.cpus,
        gpus=ready.gpus,
        share_first_task=ready.options.share_first_task,
    )
    return Entries(journal, ready.plan.key, tags, context)


def closing_words(journal: Journal, plan: Plan, ended_by: str) -> list[str]:
    """Return what a user should know of how a search ended: why early, and what was not run."""
    refused = [event["refused"] for event in journal.of_kind("refused")]
    number = f"{len(journal.trials)} of {plan.num_trials} trials"
    lines = []
    if refused:
        lines.append(
            f"Suggested, but not run: {counted(len(refused), 'configuration')} (journal.jsonl says "
            f"why of each), the last for this reason: {refused[-1]}"
        )
    if ended_by == EXHAUSTED and is_over(journal, plan.num_trials):
        lines.append(
            f"The search ends after {number}, for nothing more was suggested that can be run; "
            "search a smaller space, or with a larger --budget, in a new study."
        )
    if ended_by == TIME_UP and is_over(journal, plan.num_trials):
        lines.append(
            f"The {plan.hours or 0:g} hours of the search are used up after {number}; "
            "add more with --extend N."
        )
    return lines


def remove_leftovers(folder: Path, journal: Journal) -> None:
    """Remove what only trials that go on need; the checkpoints of failed ones stay for those."""
    for record in journal.trials.values():
        if record.status != FAILED:
            shutil.rmtree(checkpoint_folder(folder, record.trial_id), ignore_errors=True)
    with suppress(OSError):
        checkpoint_folder(folder).rmdir()  # unless a failed trial goes on from there
    shutil.rmtree(first_tasks_folder(str(folder)), ignore_errors=True)


def outcome_of(journal: Journal, num_trials: int) -> str:
    """Return how a study of so many trials has ended as a whole."""
    if not is_over(journal, num_trials):
        return INTERRUPTED
    has_failed = any(record.status == FAILED for record in journal.trials.values())
    return FAILED if has_failed else FINISHED


def _run_grid(ready: ReadyStudy, recorder: Recorder, entries: Entries) -> str:
    """Run the trials of a grid; nothing ends it before it had all of them."""
    for place, trial in enumerate(ready.trials):
        entries.enter(place, trial.label, trial.fields, role=trial.role)
    if entries.waiting():
        # Ray's own grid is copied as a whole for each of its trials. As many as of one are made
        # ready: a process is kept for the next trial only if that is there.
        os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", str(max(200, ready.slots)))
        _run(recorder, ready.folder, StudySearch(entries, lambda: None, num_trials=0), InOrder())
    return ""


def _search(ready: ReadyStudy, recorder: Recorder, entries: Entries) -> str:
    """Run a search; return what ended it before it had all its trials, or else nothing."""
    journal, study, plan = entries.journal, ready.study, ready.plan
    suggester = Suggester(
        journal,
        plan,
        study.seeds[0],
        ready.trials[0].fields,
        bytes_of=lambda fields: memory_size(ready.data, fields)[1],
        enter=entries.enter,
    )
    deadline = math.inf
    if plan.hours is not None:
        deadline = time.monotonic() + 3600 * plan.hours - spent_seconds(journal.events)
    search = StudySearch(entries, suggester.suggest, plan.num_trials, deadline)
    scheduler, num_tasks = InOrder(), len(ready.data.tasks.tasks)
    if study.pruner != "none":
        halving = Halving(study.objectives[0], num_tasks, study.pruner == "hyperband")
        scheduler = TaskHalving(journal, halving)
    if entries.waiting() or len(journal.trials) < plan.num_trials:
        _run(recorder, ready.folder, ConcurrencyLimiter(search, ready.slots), scheduler)
    write_database(suggester.study(), plan, ready.folder)
    return search.ended_by


def _run(recorder: Recorder, folder: Path, search: Searcher, scheduler: InOrder) -> None:
    """Let Ray run trials until none is left, or Ctrl-C."""
    # A variable for Lightning, and the keys of Amazon's cloud, which no trial needs and Ray would
    # write into its log. With any of its own a trial gets none of the processes that are ready.
    class_cache.DEFAULT_ENV_VARS.clear()
    class_cache.ENV_VARS_TO_PROPAGATE.clear()
    tune.run(
        CharonTrial,
        search_alg=search,
        scheduler=scheduler,
        num_samples=-1,  # until nothing more is suggested
        name="ray",  # the folder of Ray's own files; nothing reads them again
        storage_path=str(folder),
        callbacks=[recorder],
        max_failures=3,  # of a trial whose process was killed; it goes on from its last task
        reuse_actors=True,  # a new process takes seconds
        raise_on_failed_trial=False,
        trial_dirname_creator=lambda trial: str(trial.config["trial"]["id"]),
        verbose=0,
    )
