"""The plan of a study: its runs on its data, at their scale. Pure, so a dry run can print it."""

import itertools
import shlex
import sys
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from charon.config import Run
from charon.data.class_lists import is_list
from charon.data.class_orders import class_order
from charon.data.protocols import chosen_classes
from charon.errors import ConfigError
from charon.files import STUDY_VERSION
from charon.learners.rehearsal import MemorySettings
from charon.settings import Value
from charon.text import counted
from charon.tuning.records.plan import Plan
from charon.tuning.session import memory
from charon.tuning.session.data import StudyData
from charon.tuning.session.options import Options
from charon.tuning.session.request import Request
from charon.tuning.study import selection_rules as rules
from charon.tuning.study.first_tasks import leaders_first, why_useless
from charon.tuning.study.objectives import check_defined
from charon.tuning.study.scales import scale_fields
from charon.tuning.study.search_methods import NONE, START, check_sampler, parse_bytes
from charon.tuning.study.space import bound, check_space
from charon.tuning.study.study import (
    BENCHMARK,
    ORDER,
    SIZE,
    Study,
    with_small_buffers,
    with_small_bytes,
)
from charon.tuning.study.trials import PlannedTrial, but_for_seed, expand

INTERVAL = "learner.sampling_interval"


@dataclass(frozen=True)
class SelectionPlan:
    """How a search is judged.

    Attributes:
        rule: selects the winner.
        first_tasks: tasks that ``first-tasks`` judges by, in the gap report too.
        seeds: of the confirm stage; empty if it is off.
        benchmark: of the confirm stage; None for the search's.
    """

    rule: rules.Rule
    first_tasks: int
    seeds: tuple[int, ...]
    benchmark: str | None


@dataclass(frozen=True)
class PlannedStudy:
    """A study planned on its data.

    Attributes:
        study: the declaration at its scale; a search's space is bound to the clips.
        trials: all runs; of a search the first.
        budget: most bytes of a search's memories; None for any.
        selection: how a search is judged; None for a grid.
        notices: sentences for the user.
    """

    study: Study
    trials: list[PlannedTrial]
    budget: int | None
    selection: SelectionPlan | None
    notices: list[str]


def plan_study(request: Request, data: StudyData) -> PlannedStudy:
    """Plan a study on its data; nothing is started or written.

    Raises:
        ConfigError: the study does not fit its data, or its objectives or rule of selection.
    """
    options = request.options
    study, trials, budget = plan_trials(request.study, options, request.fields, data)
    trials, notices = possible_trials(study, trials, data)
    selection = None
    if study.is_search:
        selection = plan_selection(study, options, trials[0].fields, data)
        notices.append(rules.FLATTERS if options.select == rules.TEST else "")
    if options.share_first_task:
        trials = leaders_first(trials)
        notices.append(why_useless(trials, study.space))
    runs = [trial.fields for trial in trials]
    if study.is_search and budget is None:
        runs = [memory.largest_memory(study.space, runs[0], data)]
    notices += memory.memory_warnings(runs, data, data.tasks.num_training_clips)
    return PlannedStudy(study, trials, budget, selection, [text for text in notices if text])


def on_device(planned: PlannedStudy, request: Request, gpus: float) -> PlannedStudy:
    """Return the plan for trials of ``gpus`` each; a device set by the user stays."""
    if "device" in request.fields:
        return planned
    device = "cuda" if gpus else "cpu"
    trials = [replace(t, fields={**t.fields, "device": device}) for t in planned.trials]
    return replace(planned, trials=trials)


def new_plan(planned: PlannedStudy, script: Path, options: Options, data: StudyData) -> Plan:
    """Return the content of ``study.json`` for a study that starts now."""
    study, about = planned.study, data.archive.description
    return Plan(
        version=STUDY_VERSION,
        key=uuid.uuid4().hex[:12],
        name=study.name,
        question=study.question,
        objectives=tuple(study.objectives),
        varied=study.varied,
        space=dict(study.space),
        sampler=study.sampler if study.is_search else "",
        pruner=study.pruner,
        budget=planned.budget,
        started=datetime.now().isoformat(timespec="seconds"),
        data=data.archive.source if about.is_standin else about.name,
        protocol=data.protocol,
        fingerprint=data.archive.fingerprint,
        is_standin=about.is_standin,
        scale=options.run_scale,
        num_trials=study.num_trials if study.is_search else len(planned.trials),
        hours=options.hours,
        options=options.remembered(),
        trials=[
            {"label": t.label, "fields": dict(t.fields), "role": t.role} for t in planned.trials
        ],
        command=shlex.join(["python", str(script), *sys.argv[1:]]),
    )


def plan_trials(
    study: Study, options: Options, overrides: Mapping[str, Value], data: StudyData
) -> tuple[Study, list[PlannedTrial], int | None]:
    """Return the study and its runs at their scale, and a search's budget in bytes.

    Fields that the user sets or the study varies stay. A search's space is bound to the clips.
    """
    scale, num_clips = options.run_scale, data.tasks.num_training_clips
    scaled = scale_fields(scale, num_clips, study.small_clip_visits)
    trials = expand(study, overrides, scaled)
    start = trials[0].fields
    study = replace(study, space=bound(study.space, start))
    possible, _ = possible_trials(study, trials, data)
    most_clips = int(study.small_memory_share * num_clips)
    if scale != "paper":
        runs = [trial.fields for trial in possible]
        study = with_small_bytes(study, memory.small_bytes(runs, data, most_clips))
        largest = memory.small_buffer(runs, data.tasks.clip_shape, most_clips)
        if largest is not None:
            study, size = with_small_buffers(study, largest, start.get(SIZE))
            scaled = {**scaled, SIZE: size}
        trials = expand(study, overrides, scaled)
    if not study.is_search:
        return study, trials, None
    start = trials[0].fields
    check_space(study.space, start, partial(memory.memory_size, data))
    clips, num_bytes = memory.memory_size(data, start)
    check_sampler(study.sampler, study.space, study.objectives)
    budget = None
    if study.budget != NONE:
        budget = num_bytes if study.budget == START else parse_bytes(study.budget)
    memory.check_memory(clips, num_bytes, num_clips, budget)
    return study, trials, budget


def possible_trials(
    study: Study, trials: Sequence[PlannedTrial], data: StudyData
) -> tuple[list[PlannedTrial], list[str]]:
    """Leave out runs that these data forbid through a field that the study varies.

    Return the others, at least one, and a notice for each such field.
    """
    possible, reasons = [], defaultdict[str, list[str]](list)
    known: dict[str, tuple[str, str]] = {}  # of each setting, whatever its seed
    for trial in trials:
        setting = but_for_seed(trial.fields)
        if setting not in known:
            known[setting] = _obstacle(trial.fields, data)
        name, reason = known[setting]
        if not reason:
            possible.append(trial)
        elif name in study.varied:
            reasons[name].append(reason)
        else:
            raise ConfigError(reason)
    notices = [
        f"{counted(len(of_field), 'run')} left out on this data: {of_field[-1]}"
        for of_field in reasons.values()
    ]
    if not possible:
        raise ConfigError(" ".join(notices))
    return possible, notices


def _obstacle(fields: Mapping[str, Value], data: StudyData) -> tuple[str, str]:
    """Return the field that keeps a run from these data, and why; empty if none does."""
    run = Run.from_flat(fields)
    order, classes = run.data.class_order, None
    try:
        if is_list(order):
            classes = chosen_classes(data.archive, run.data.benchmark, run.data.classes)
        class_order(order, data.archive.description, classes)
    except ConfigError as error:
        return ORDER, str(error)
    frames, settings = run.data.num_frames, run.learner
    if isinstance(settings, MemorySettings) and settings.sampling_interval >= frames:
        return INTERVAL, (
            f"{INTERVAL} < {frames} (the frames of a clip) must hold, "
            f"but got {INTERVAL}={settings.sampling_interval}."
        )
    return "", ""


def plan_selection(
    study: Study, options: Options, fields: Mapping[str, Value], data: StudyData
) -> SelectionPlan:
    """Return how a search is judged, from all fields of its first trial."""
    if fields["data.evaluate_on"] != "val":
        raise ConfigError(
            "A search is judged on validation clips and never sees the test set, so "
            "data.evaluate_on cannot be set; leave it out."
        )
    num_tasks = 1 if fields["data.stream"] == "joint" else len(data.tasks.tasks)
    check_defined(study.objectives, num_tasks)
    first = options.first_tasks or rules.grace_tasks(num_tasks)
    rule = rules.choose_rule(options.select or rules.VALIDATION, first, num_tasks, study.objectives)
    benchmark = None
    if rule.name == rules.GTEP:
        rules.check_classes(data.archive.source, data.archive.description)
        benchmark = rules.evaluation_benchmark(str(fields[BENCHMARK]))
    number = 3 if options.confirm_seeds is None else options.confirm_seeds
    number = min(number, 1) if options.smoke else number
    fresh = (seed for seed in itertools.count() if seed not in study.seeds)
    return SelectionPlan(rule, first, tuple(itertools.islice(fresh, number)), benchmark)
