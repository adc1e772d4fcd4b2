"""A study that is opened: everything before the first trial, in the order it can fail."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from charon.errors import CheckpointError, ConfigError
from charon.settings import Value
from charon.tuning.cluster import cluster as clusters
from charon.tuning.cluster.cluster import Cluster
from charon.tuning.cluster.packing import pack
from charon.tuning.cluster.resources import place
from charon.tuning.cluster.startup import Starting
from charon.tuning.records.folder import writable_folder
from charon.tuning.records.journal import Journal
from charon.tuning.records.lock import lock_folder
from charon.tuning.records.plan import Plan, new_plan, read_plan
from charon.tuning.selection.rules import TEST, WILL_FLATTER
from charon.tuning.session.background import Background
from charon.tuning.session.commands import begin_command, go_on_command
from charon.tuning.session.data import StudyClips, check_named
from charon.tuning.session.options import Options
from charon.tuning.session.overrides import cache_folder, chosen_fields, chosen_study
from charon.tuning.session.planning import largest_setting, plan_trials, possible_trials
from charon.tuning.session.resume import (
    Standing,
    check_chosen,
    check_same,
    longer,
    room,
    standing_of,
    with_remembered,
)
from charon.tuning.session.selection_plan import judgement_of
from charon.tuning.study import first_tasks as sharing
from charon.tuning.study.scales import memory_warnings
from charon.tuning.study.study import BENCHMARK, Study
from charon.tuning.study.trials import PlannedTrial, check_not_varied, expand
from charon.tuning.tracking.store import Store, check_answers, check_file, choose_store, make_schema

NEED_BYTES = 50_000_000
"""Free space a study asks for before it starts; checkpoints come and go."""

QUICK_SECONDS = 0.5
"""Cached data are ready within this, and what is wrong with them is said before Ray is there."""

LOG = "driver.log"
"""File in the study's folder for what the libraries say."""


@dataclass(frozen=True)
class Session:
    """A study that is ready to be estimated or run.

    Attributes:
        study: the declaration as the command line changes it, at its scale; a search's space
            is bound to its clips.
        options: complete.
        plan: what stands in ``study.json``.
        standing: how far it is.
        trials: all runs.
        folder: the study's absolute folder.
        cache: absolute folder of the prepared sets.
        store: where it is tracked.
        clips: the data.
        cluster: Ray; None for a dry run.
        cpus, gpus: what one trial takes.
        warnings: sentences for the user.
    """

    study: Study
    options: Options
    plan: Plan
    standing: Standing
    trials: list[PlannedTrial]
    folder: Path
    cache: Path
    store: Store
    clips: StudyClips
    cluster: Cluster | None
    cpus: float
    gpus: float
    warnings: list[str]


def open_session(study: Study, options: Options, script: Path, console: Console) -> Session:
    """Check everything, prepare the data, and start Ray unless this is a dry run.

    What takes long and does not need another is done at the same time: Ray's processes,
    MLflow's tables, and the data. What can be known early is said without waiting for Ray.

    Raises:
        CharonError: something about the user's input or surroundings is wrong.
    """
    clusters.prepare_environment()
    if options.of_a_search() and not study.is_search:
        raise ConfigError(
            f"{options.of_a_search()[0]} is for searches, and the study {study.name!r} runs "
            "every value of a grid."
        )
    results = options.results.expanduser().absolute()
    folder = results / study.name
    old = _plan_to_go_on_with(folder, options)
    options = with_remembered(options, old) if old else options
    study = chosen_study(study, options)
    fields = chosen_fields(study, options)
    # Nothing is made or started yet, so that a refusal leaves nothing and costs no time.
    check_not_varied(study, fields)
    if "data.path" in fields:
        check_named(str(fields["data.path"]))
    if old is not None:
        check_chosen(old, fields, go_on_command(script, options))
    store = choose_store(options.tracking_uri, results)
    writable_folder(results, need_bytes=NEED_BYTES, make=False)
    check_file(store)
    if not options.dry_run:
        lock_folder(folder)
    with nullcontext("") if old else room(folder, dry_run=options.dry_run) as moved:
        return _open(study, options, fields, script, console, folder, store, old, moved)


def _open(
    study: Study,
    options: Options,
    fields: dict[str, Value],
    script: Path,
    console: Console,
    folder: Path,
    store: Store,
    old: Plan | None,
    moved: str,
) -> Session:
    """Open a study whose folder is there for it; ``old`` is what goes on, if anything does."""
    if not options.dry_run:
        clusters.log_to(writable_folder(folder) / LOG)
    starting = None if options.dry_run else Starting(options.address, folder / LOG)
    schema = Background(lambda: None if options.dry_run else make_schema(store))
    cache = cache_folder(options)
    clips = StudyClips(_one_of_each_benchmark(study, fields), cache, console)
    clips.check()
    if options.address is None:
        place(None, options.cpus, options.gpus)
    preparing = Background(clips.prepare)
    preparing.wait(None if study.is_search else QUICK_SECONDS)
    if study.is_search:
        # What is wrong with its space or its selection is said without waiting for Ray.
        _, first, _ = plan_trials(study, options, fields, clips, gpus=0.0)
        judgement_of(study, options, first[0].fields, clips)
        _check_database(folder)
    schema.wait()
    cluster = None
    if starting is not None:
        _import_the_rest()
        cluster = starting.wait()
    preparing.wait()
    cpus, gpus = place(cluster, options.cpus, options.gpus)
    study, trials, budget = plan_trials(study, options, fields, clips, gpus)
    trials, left_out = possible_trials(study, trials, clips)
    trials = sharing.leaders_first(trials) if options.share_first_task else trials
    packed = ""
    if options.gpus == "auto":
        gpus, packed = pack(cluster, trials, cache, cpus, gpus, console.print)
        options = replace(options, gpus=gpus)
    plan = new_plan(study, options, trials, clips, begin_command(script), budget)
    standing = Standing(0, 0, plan.num_trials)
    if old is not None:
        check_same(old, plan, go_on_command(script, options))
        journal = Journal(folder / "journal.jsonl")
        plan = longer(old, options, journal)
        standing = standing_of(journal, plan.num_trials)
    start = trials[0].fields
    settings = [trial.fields for trial in trials] + largest_setting(study, plan.budget, start)
    warnings = [
        moved,
        left_out,
        packed,
        WILL_FLATTER if study.is_search and options.select == TEST else "",
        check_answers(store),
        sharing.why_useless(trials, study.space) if options.share_first_task else "",
        *memory_warnings(settings, clips.tasks.num_training_clips),
    ]
    return Session(
        study=study,
        options=options,
        plan=plan,
        standing=standing,
        trials=trials,
        folder=folder,
        cache=cache,
        store=store,
        clips=clips,
        cluster=cluster,
        cpus=cpus,
        gpus=gpus,
        warnings=[text for text in warnings if text],
    )


def _plan_to_go_on_with(folder: Path, options: Options) -> Plan | None:
    """Return the plan of the study that goes on; None where one begins.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    if not options.resume and options.extend is None:
        return None
    plan = read_plan(folder)
    if plan is None:
        raise CheckpointError(
            f"{folder} holds no study to go on with; name its folder with --results DIR."
        )
    return plan


def _one_of_each_benchmark(study: Study, fields: dict[str, Value]) -> list[dict[str, Value]]:
    runs: dict[Value, dict[str, Value]] = {}
    for trial in expand(study, fields):
        runs.setdefault(trial.fields[BENCHMARK], trial.fields)
    return list(runs.values())


def _import_the_rest() -> None:
    """Import what the study needs next, while Ray is on its way and waits more than it works."""
    import charon.tuning.execution.runner  # noqa: F401


def _check_database(folder: Path) -> None:
    from charon.tuning.sampling.database import DATABASE, check_database

    check_database(folder / DATABASE)
