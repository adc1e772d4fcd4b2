"""Sharing of first tasks between trials: whether a study can, and in which order.

:mod:`charon.training.first_task` does it; its folder lies beside the results, which every node
of a cluster can reach.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from charon.config import Run
from charon.settings import Value
from charon.training.first_task import acting_fields, can_share
from charon.tuning.study.space import Domain, Real
from charon.tuning.study.trials import PlannedTrial

SAVED = "time/shared_seconds"
"""Metric of a trial that may share: seconds saved; 0 where it learned the task itself."""


def first_tasks_folder(study_folder: str) -> Path:
    """Return the folder of the shared first tasks, which is there while the study runs."""
    return Path(study_folder) / "first_tasks"


def first_task_tag(metrics: Mapping[str, float]) -> dict[str, str]:
    """Return a trial's MLflow tag on its first task; empty if it cannot share."""
    if SAVED not in metrics:
        return {}
    return {"first_task": "reused" if metrics[SAVED] > 0 else "learned"}


def leaders_first(trials: Sequence[PlannedTrial]) -> list[PlannedTrial]:
    """Return the trials with the first to learn each first task before those that reuse it.

    Trials that start together would each learn a first task that they could share.
    """
    leaders: list[PlannedTrial] = []
    followers: list[PlannedTrial] = []
    known = set()
    for trial in trials:
        first_task = _first_task(trial)
        (followers if first_task in known else leaders).append(trial)
        if first_task is not None:
            known.add(first_task)
    return leaders + followers


def _first_task(trial: PlannedTrial) -> tuple[tuple[str, Value], ...] | None:
    """Return the fields that decide the first task; None if the trial cannot share."""
    run = Run.from_flat(trial.fields)
    return tuple(acting_fields(run).items()) if can_share(run) else None


def why_useless(trials: Sequence[PlannedTrial], space: Mapping[str, Domain]) -> str:
    """Say in a sentence why no two trials can share a first task; empty if they may.

    The trials are all of a grid, whose space is empty, or the first of a search.
    """
    useless = "--share-first-task has nothing to share here: "
    acting = [fields for fields in map(_first_task, trials) if fields is not None]
    if not acting:
        return useless + "the first task of these methods uses all of their settings."
    continuous = [name for name, domain in space.items() if isinstance(domain, Real)]
    early = [name for name in continuous if name in dict(acting[0])]
    if early:
        return (
            f"{useless}the search draws {', '.join(early)} anew for each trial, which acts in "
            "the first task."
        )
    if not space and len(set(acting)) == len(acting):
        return f"{useless}no two runs agree on all that acts in it."
    return ""
