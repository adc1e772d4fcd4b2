"""The runs of a study on its clips, at their scale, and a search's space and budget checked."""

from collections.abc import Mapping
from dataclasses import replace

from charon.errors import ConfigError
from charon.settings import Value
from charon.text import counted
from charon.tuning.session.data import StudyClips
from charon.tuning.session.options import Options
from charon.tuning.study.budget import NONE, START, MemorySize, check_memory, parse_bytes
from charon.tuning.study.scales import scale_fields, small_buffer
from charon.tuning.study.space import bound, check_ends, check_start
from charon.tuning.study.study import SIZE, Study, with_small_buffers
from charon.tuning.study.trials import PlannedTrial, expand

INTERVAL = "learner.sampling_interval"

ORDER = "data.class_order"


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
    scale, num_clips = options.run_scale, clips.tasks.num_training_clips
    scaled = scale_fields(scale, num_clips, study.small_clip_visits)
    fields = {"device": "cuda" if gpus else "cpu", **chosen}
    trials = expand(study, fields, scaled)
    start = trials[0].fields
    study = replace(study, space=bound(study.space, start))
    shape = clips.tasks.clip_shape
    largest = small_buffer((trial.fields for trial in trials), shape, num_clips)
    if scale != "paper" and largest is not None:
        study, size = with_small_buffers(study, largest, start.get(SIZE))
        trials = expand(study, fields, {**scaled, SIZE: size})
    return study, trials, _checked(study, trials[0].fields, clips) if study.is_search else None


def _checked(study: Study, start: Mapping[str, Value], clips: StudyClips) -> int | None:
    """Check a search's space and budget; return the budget in bytes."""
    from charon.tuning.sampling.samplers import check_sampler

    check_start(study.space, start)
    check_ends(study.space, start)
    check_sampler(study.sampler, study.space, study.objectives)
    size = MemorySize.on(clips)
    budget = None
    if study.budget != NONE:
        budget = size(start)[1] if study.budget == START else parse_bytes(study.budget)
    check_memory(study.space, start, size, clips.tasks.num_training_clips, budget)
    return budget


def possible_trials(
    study: Study, trials: list[PlannedTrial], clips: StudyClips
) -> tuple[list[PlannedTrial], str]:
    """Leave out the runs of cases whose class order the data do not have, and say so."""
    from charon.data.class_orders import class_order

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
    left_out = f"{counted(number, 'run')} left out on this data: {why}" if number else ""
    return possible, left_out


def largest_setting(
    study: Study, budget: int | None, start: dict[str, Value]
) -> list[dict[str, Value]]:
    """Return the setting of a search whose memory holds most clips, unless a budget limits it."""
    ends: dict[str, Value] = {
        name: max(study.space[name].ends)  # type: ignore[type-var]
        for name in (SIZE, INTERVAL)
        if name in study.space
    }
    return [{**start, **ends}] if ends and budget is None else []
