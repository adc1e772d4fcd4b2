"""The study on Ray: from the list of trials to their recorded ends."""

import math
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.execution import class_cache
from ray.tune.search import ConcurrencyLimiter
from rich.console import Console

from charon.settings import Value
from charon.text import counted
from charon.tuning.execution.asha import TaskHalving, num_brackets
from charon.tuning.execution.callbacks import Recorder, remove_checkpoint
from charon.tuning.execution.live_view import LiveView, Shown
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.execution.searcher import Limits, StudySearch
from charon.tuning.execution.trainable import (
    CHECKPOINTS,
    CharonTrial,
    TrialContext,
    beat_file,
    trial_config,
)
from charon.tuning.records.completion import EXHAUSTED, EXTENDED, TIME_UP, is_over, spent_seconds
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, PENDING, Journal
from charon.tuning.records.plan import Plan
from charon.tuning.sampling.encoding import Encoding
from charon.tuning.sampling.optuna_study import make_study, write_database
from charon.tuning.sampling.samplers import make_sampler
from charon.tuning.sampling.suggestions import Budget, Suggester, Suggestion
from charon.tuning.session.commands import repeat_command
from charon.tuning.session.memory import memory_size
from charon.tuning.session.provenance import trial_tags
from charon.tuning.study.first_tasks import first_tasks_folder
from charon.tuning.study.objectives import watched
from charon.tuning.study.search_methods import NUMBERS_ONLY
from charon.tuning.tracking.sender import Sender

MAX_FAILURES = 3
"""How often a trial whose process was killed is started again from its last task."""

RAY_FOLDER = "ray"
"""Of Ray's own files, in the study's folder; nothing reads them again."""


def run_study(ready: ReadyStudy, console: Console) -> tuple[Journal, Sender]:
    """Run all trials that are not over yet; return what happened, and who sends it on.

    Raises:
        OSError: the results cannot be written any more.
    """
    journal, sender, tags, spent = _begin(ready)
    recorder = Recorder(journal, ready.folder)
    study, plan = ready.study, ready.plan
    live_view = LiveView(
        journal,
        Shown(tuple(study.objectives), study.is_search, plan.num_trials, ready.slots),
        lambda trial_id: beat_file(str(ready.folder), trial_id),
        console,
    )
    live_view.headline = lambda: sender.problem
    recorder.listeners.append(live_view.on_event)
    hours = ready.plan.hours
    deadline = math.inf if hours is None else time.time() + 3600 * hours - spent
    with live_view:
        ended_by = _tune(ready, recorder, journal, tags, deadline)
    if ended_by:
        journal.append(ended_by)
    for line in closing_words(journal, ready.plan, ended_by):
        console.print(line, markup=False)
    shutil.rmtree(ready.folder / "progress", ignore_errors=True)
    if is_over(journal, ready.plan.num_trials):
        remove_leftovers(ready.folder, journal)
    return journal, sender


def _begin(ready: ReadyStudy) -> tuple[Journal, Sender, dict[str, str], float]:
    """Open the study's records; return them, the tags of all trials, and the seconds spent."""
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
    tags = trial_tags(ready.data, ready.study.preset, ready.script)
    journal.append(
        "study",
        key=ready.plan.key,
        title=ready.plan.title,
        varied=list(ready.study.varied),
        tags={**tags, "mlflow.note.content": ready.study.question},
    )
    sender.start()
    return journal, sender, tags, spent


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
            remove_checkpoint(folder, record.trial_id)
    with suppress(OSError):
        (folder / CHECKPOINTS).rmdir()  # unless a failed trial goes on from there
    shutil.rmtree(first_tasks_folder(str(folder)), ignore_errors=True)


def outcome_of(journal: Journal, num_trials: int) -> str:
    """Return how a study of so many trials has ended as a whole."""
    if not is_over(journal, num_trials):
        return INTERRUPTED
    has_failed = any(record.status == FAILED for record in journal.trials.values())
    return FAILED if has_failed else FINISHED


class Entries:
    """Enters trials into the journal, each once, under an id of the study's own."""

    def __init__(
        self, journal: Journal, key: str, tags: Mapping[str, str], context: TrialContext
    ) -> None:
        """Enter into ``journal``.

        Args:
            journal: of the study.
            key: of the study, which its trials' ids begin with.
            tags: facts that hold for all trials.
            context: what each trial is told beside its run.
        """
        self._journal = journal
        self._key = key
        self._tags = dict(tags)
        self._context = context

    def enter(self, place: int, label: str, fields: Mapping[str, Value], **more: Any) -> str:
        """Enter a trial, unless it is there; return its id.

        Args:
            place: of the trial in the study, from 0.
            label: the name a person knows it by.
            fields: all fields of the run.
            more: of the event.
        """
        name = f"{self._key[:5]}_{place:05d}"
        if name not in self._journal.trials:
            command = repeat_command(fields, Path(self._context.cache), self._context.cpus)
            tags = {**self._tags, "command": command}
            self._journal.append("trial", name, label=label, fields=fields, tags=tags, **more)
        return name

    def suggested(self, suggestion: Suggestion) -> dict[str, Any]:
        """Enter what a search was suggested; return what Ray gives to the trial."""
        number, more = suggestion.number, {"sampler": suggestion.sampler}
        name = self.enter(number, suggestion.label, suggestion.fields, number=number, **more)
        return trial_config(self._context, self._journal.trials[name])

    def waiting(self) -> list[dict[str, Any]]:
        """Return what Ray gives to the trials that are still to run, or to go on."""
        records = self._journal.trials.values()
        return [trial_config(self._context, one) for one in records if one.status == PENDING]


def _tune(
    ready: ReadyStudy,
    recorder: Recorder,
    journal: Journal,
    tags: Mapping[str, str],
    deadline: float,
) -> str:
    """Run what is left on Ray; return what ended a search before it had all its trials."""
    context = TrialContext(
        title=f"charon_{ready.plan.data}",
        cache=str(ready.cache),
        folder=str(ready.folder),
        objective=watched(ready.study.objectives, is_search=ready.study.is_search),
        cpus=ready.cpus,
        gpus=ready.gpus,
        share_first_task=ready.options.share_first_task,
    )
    entries = Entries(journal, ready.plan.key, tags, context)
    if ready.study.is_search:
        return _search(ready, recorder, journal, entries, deadline)
    for place, trial in enumerate(ready.trials):
        entries.enter(place, trial.label, trial.fields, role=trial.role)
    waiting = entries.waiting()
    if waiting:
        _run(recorder, ready.folder, config={"trial": tune.grid_search(waiting)})
    return ""


def _search(
    ready: ReadyStudy, recorder: Recorder, journal: Journal, entries: Entries, deadline: float
) -> str:

    study, plan = ready.study, ready.plan
    encoding = Encoding(study.space, as_numbers=study.sampler in NUMBERS_ONLY)
    num_suggested = len(journal.trials) + sum(1 for _ in journal.of_kind("refused"))
    suggester = Suggester(
        journal,
        make_sampler(plan.sampler, study.seeds[0], plan.num_trials, num_suggested),
        encoding,
        study.objectives,
        ready.trials[0].fields,
        Budget(lambda fields: memory_size(ready.data, fields)[1], plan.budget),
    )
    limits = Limits(plan.num_trials, deadline)
    waiting = entries.waiting()
    search = StudySearch(waiting, journal, limits, suggester.suggest, entries.suggested)
    scheduler, num_tasks = None, len(ready.data.tasks.tasks)
    if study.pruner != "none":
        brackets = num_brackets(num_tasks) if study.pruner == "hyperband" else 1
        scheduler = TaskHalving(journal, study.objective, num_tasks, brackets)
    if waiting or len(journal.trials) < plan.num_trials:
        _run(
            recorder,
            ready.folder,
            config={},  # all of it is suggested
            search_alg=ConcurrencyLimiter(search, ready.slots),
            scheduler=scheduler,
            num_samples=-1,
        )
    write_database(make_study(journal, encoding, study.objectives), plan, ready.folder)
    return search.ended_by


def _run(recorder: Recorder, folder: Path, **trials: Any) -> None:
    """Let Ray run trials until none is left, or Ctrl-C.

    Raises:
        OSError: the results cannot be written any more.
    """
    # A variable for Lightning only; with any of its own a trial gets none of the processes that
    # Ray has made ready.
    class_cache.DEFAULT_ENV_VARS.clear()
    tune.run(
        CharonTrial,
        name=RAY_FOLDER,
        storage_path=str(folder),
        callbacks=[recorder],
        max_failures=MAX_FAILURES,
        reuse_actors=True,  # a new process takes seconds
        raise_on_failed_trial=False,
        trial_dirname_creator=lambda trial: str(trial.config["trial"]["id"]),
        verbose=0,
        **trials,
    )
