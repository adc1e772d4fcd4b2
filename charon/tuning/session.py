"""Everything before the first trial: checks, data, Ray, and the list of trials."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from charon.errors import CheckpointError, ConfigError
from charon.tuning import cluster as clusters
from charon.tuning import sharing
from charon.tuning.background import Background
from charon.tuning.budget import NONE, START, MemorySize, check_memory, parse_bytes
from charon.tuning.clips import StudyClips
from charon.tuning.cluster import Cluster
from charon.tuning.expansion import PlannedTrial, expand
from charon.tuning.files import writable_folder
from charon.tuning.gtep import tuning_benchmark
from charon.tuning.journal import Journal, Value
from charon.tuning.judgement import judgement_of
from charon.tuning.objectives import can_prune
from charon.tuning.options import Options
from charon.tuning.packing import pack
from charon.tuning.plan import (
    VERSION,
    Plan,
    check_same,
    described,
    longer,
    make_room,
    new_key,
    read_plan,
    with_remembered,
)
from charon.tuning.scales import memory_warnings, scale_fields, small_buffer
from charon.tuning.selection import GTEP
from charon.tuning.space import bound, check_ends, check_start
from charon.tuning.study import (
    BENCHMARK,
    SIZE,
    Study,
    for_learner,
    under_benchmarks,
    with_seeds,
    with_small_buffers,
)
from charon.tuning.tracking_store import Store, check_answers, choose_store, make_schema

NEED_BYTES = 50_000_000
"""Free space a study asks for before it starts; checkpoints come and go."""

QUICK_SECONDS = 0.5
"""Cached data are ready within this, and what is wrong with them is said before Ray starts."""

INTERVAL = "learner.sampling_interval"

ORDER = "data.class_order"

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

    What takes long and does not need another is done at the same time: MLflow's tables,
    the data, and Ray's processes.

    Raises:
        CharonError: something about the user's input or surroundings is wrong.
    """
    clusters.prepare_environment()
    results = writable_folder(options.results, need_bytes=NEED_BYTES)
    folder = results / study.name
    goes_on = options.resume or options.extend is not None
    old = read_plan(folder) if goes_on else None
    if goes_on and old is None:
        raise CheckpointError(
            f"{folder} holds no study to go on with; name its folder with --results DIR."
        )
    if options.of_a_search() and not study.is_search:
        raise ConfigError(
            f"{options.of_a_search()[0]} is for searches, and the study {study.name!r} runs "
            "every value of a grid."
        )
    options = with_remembered(options, old) if old else options
    study = chosen_study(study, options)
    store = choose_store(options.tracking_uri, results)
    moved = ""
    if not options.dry_run:
        moved = "" if goes_on else make_room(folder)
        clusters.log_to(writable_folder(folder) / LOG)
    schema = Background(lambda: None if options.dry_run else make_schema(store))
    fields = _chosen_fields(study, options)
    by_benchmark: dict[Value, dict[str, Value]] = {}
    for trial in expand(study, fields):
        by_benchmark.setdefault(trial.fields[BENCHMARK], trial.fields)
    cache = _cache_folder(options)
    clips = StudyClips(list(by_benchmark.values()), cache, console)
    clips.check()
    if options.address is None:
        _place(options, None)
    preparing = Background(clips.prepare)
    cluster = None
    try:
        preparing.wait(None if study.is_search else QUICK_SECONDS)
        if study.is_search:
            # What is wrong with its space or its selection is said before Ray starts.
            _, first, _ = plan_trials(study, options, fields, clips, gpus=0.0)
            judgement_of(study, options, first[0].fields, clips)
            _check_database(folder)
        if not options.dry_run:
            cluster = clusters.start(options.address, folder / LOG)
        preparing.wait()
        schema.wait()
        cpus, gpus = _place(options, cluster)
        study, trials, budget = plan_trials(study, options, fields, clips, gpus)
        trials, left_out = _possible(study, trials, clips)
        trials = sharing.leaders_first(trials) if options.share_first_task else trials
        packed = ""
        if options.gpus == "auto":
            gpus, packed = pack(cluster, trials, cache, cpus, gpus, console.print)
            options = replace(options, gpus=gpus)
        if old is None:
            plan = _new_plan(study, options, trials, clips, script, budget)
        else:
            check_same(old, study, trials, options, budget)
            plan = longer(old, options, Journal(folder / "journal.jsonl"))
    except BaseException:
        if cluster is not None:
            clusters.stop(cluster)
        raise
    settings = [trial.fields for trial in trials] + _largest(study, plan, trials[0].fields)
    warnings = [
        moved,
        left_out,
        packed,
        check_answers(store),
        sharing.why_useless(trials, study.space) if options.share_first_task else "",
        *memory_warnings(settings, clips.tasks.num_training_clips),
    ]
    return Session(
        study=study,
        options=options,
        plan=plan,
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


def _check_database(folder: Path) -> None:
    from charon.tuning.database import DATABASE, check_database

    check_database(folder / DATABASE)


def _cache_folder(options: Options) -> Path:
    from charon.data.archive import default_cache_dir

    return (options.cache or default_cache_dir()).expanduser().absolute()


def _chosen_fields(study: Study, options: Options) -> dict[str, Value]:
    """Return the fields that the command line sets for all runs."""
    fields: dict[str, Value] = {}
    if options.data is not None:
        path = Path(options.data).expanduser()
        # What is no file is a name such as `standin`, or an error that names it as it was given.
        fields["data.path"] = str(path.resolve()) if path.exists() else options.data
    if options.benchmark is not None and len(options.benchmark) == 1:
        fields["data.benchmark"] = options.benchmark[0]
    if study.is_search:
        fields["data.evaluate_on"] = "val"
        if options.select == GTEP:
            fields[BENCHMARK] = tuning_benchmark(options.benchmark)
    return {**fields, **options.settings}


def scale_of(options: Options) -> str:
    """Return the scale a study is run at."""
    return "smoke" if options.smoke else options.scale or "small"


def _place(options: Options, cluster: Cluster | None) -> tuple[float, float]:
    """Return CPUs and GPUs of one trial.

    Raises:
        ClusterError: one trial would never find room.
    """
    if cluster is None:
        cluster = clusters.this_machine()
    cpus = options.cpus if options.cpus is not None else 1.0
    whole = float(cluster.gpus >= 1)
    gpus = whole if options.gpus is None or options.gpus == "auto" else options.gpus
    clusters.check_fits(cluster, cpus, gpus)
    return cpus, gpus


def chosen_study(study: Study, options: Options) -> Study:
    """Return the study as the command line changes it.

    Raises:
        ConfigError: something chosen does not fit the study.
    """
    study = with_seeds(study, options.seeds) if options.seeds else study
    if options.benchmark is not None and len(options.benchmark) > 1:
        study = under_benchmarks(study, options.benchmark)
    if study.is_search:
        objectives = options.objectives or study.objectives
        # The study's own pruner is for its own objective; one that is asked for is refused.
        own = study.pruner if can_prune(objectives) else "none"
        study = replace(
            for_learner(
                study, options.settings.get("learner", study.base.get("learner", "charon"))
            ),
            objectives=objectives,
            sampler=options.sampler or study.sampler,
            pruner=options.pruner or own,
            budget=options.budget or study.budget,
        )
    study = study.smaller() if options.smoke else study
    return replace(study, num_trials=options.trials or study.num_trials)


def plan_trials(
    study: Study,
    options: Options,
    chosen: dict[str, Value],
    clips: StudyClips,
    gpus: float,
) -> tuple[Study, list[PlannedTrial], int | None]:
    """Return the study and all runs at their scale, and a search's budget in bytes.

    What the user chose or the study varies stays. A search's space is bound to its clips.

    Raises:
        ConfigError: the study does not fit its clips.
    """
    scale, num_clips = scale_of(options), clips.tasks.num_training_clips
    scaled = scale_fields(scale, num_clips, study.small_clip_visits)
    fields = {"device": "cuda" if gpus else "cpu", **chosen}
    trials = expand(study, fields, scaled)
    start = trials[0].fields
    study = replace(study, space=bound(study.space, start))
    largest = small_buffer((trial.fields for trial in trials), num_clips)
    if scale != "paper" and largest is not None:
        study, size = with_small_buffers(study, largest, start.get(SIZE))
        trials = expand(study, fields, {**scaled, SIZE: size})
    return study, trials, _checked(study, trials[0].fields, clips) if study.is_search else None


def _largest(study: Study, plan: Plan, start: dict[str, Value]) -> list[dict[str, Value]]:
    """Return the setting of a search whose memory holds most clips, unless a budget limits it."""
    ends: dict[str, Value] = {
        name: max(study.space[name].ends)  # type: ignore[type-var]
        for name in (SIZE, INTERVAL)
        if name in study.space
    }
    return [{**start, **ends}] if ends and plan.budget is None else []


def _checked(study: Study, start: Mapping[str, Value], clips: StudyClips) -> int | None:
    """Check a search's space, objectives and budget; return the budget in bytes."""
    from charon.tuning.samplers import check_sampler

    check_start(study.space, start)
    check_ends(study.space, start)
    check_sampler(study.sampler, study.space, study.objectives)
    size = MemorySize.on(clips)
    budget = None
    if study.budget != NONE:
        budget = size(start)[1] if study.budget == START else parse_bytes(study.budget)
    check_memory(study.space, start, size, clips.tasks.num_training_clips, budget)
    return budget


def _possible(
    study: Study, trials: list[PlannedTrial], clips: StudyClips
) -> tuple[list[PlannedTrial], str]:
    """Leave out the runs of cases whose class order the data do not have, and say so."""
    from charon.data.orders import class_order

    about, possible, why = clips.archive.description, [], ""
    for trial in trials:
        try:
            class_order(str(trial.fields[ORDER]), about)
        except ConfigError as error:
            if not any(ORDER in case for case in study.cases):
                raise
            why = str(error)
        else:
            possible.append(trial)
    number = len(trials) - len(possible)
    return possible, f"{number} runs are left out on this data: {why}" if number else ""


def _new_plan(
    study: Study,
    options: Options,
    trials: list[PlannedTrial],
    clips: StudyClips,
    script: Path,
    budget: int | None,
) -> Plan:
    key, started = new_key()
    about = clips.archive.description
    return Plan(
        version=VERSION,
        key=key,
        name=study.name,
        question=study.question,
        objectives=tuple(study.objectives),
        varied=study.varied,
        space=described(study.space),
        sampler=study.sampler if study.is_search else "",
        pruner=study.pruner,
        budget=budget,
        started=started,
        data=about.name,
        protocol=clips.protocol,
        fingerprint=clips.archive.fingerprint,
        is_standin=about.is_standin,
        scale=scale_of(options),
        num_trials=study.num_trials if study.is_search else len(trials),
        hours=options.hours,
        options=options.remembered(),
        trials=[asdict(trial) for trial in trials],
        command=shlex.join(["python", str(script), *sys.argv[1:]]),
    )
