"""Trials that share their first task: whether a study has any, and what that saved.

How they do it is in :mod:`charon.training.first_task`; the folder lies beside the results, which
every node of a cluster can reach.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from charon.config import Run
from charon.settings import Value
from charon.training.first_task import acting_fields, can_share
from charon.tuning.study.space import Domain, Real
from charon.tuning.study.trials import PlannedTrial

FOLDER = "first_tasks"
"""In the study's folder, while it runs."""

SAVED = "time/shared_seconds"
"""Metric of a trial that may share: what it was spared; 0 where it learned the task itself."""


def first_tasks_folder(study_folder: str) -> Path:
    """Return where the trials of a study leave and find their first tasks."""
    return Path(study_folder) / FOLDER


def first_task_tag(metrics: Mapping[str, float]) -> dict[str, str]:
    """Return what a trial's runs in MLflow say of its first task; nothing if it cannot share."""
    if SAVED not in metrics:
        return {}
    return {"first_task": "reused" if metrics[SAVED] > 0 else "learned"}


def leaders_first(trials: Sequence[PlannedTrial]) -> list[PlannedTrial]:
    """Return the trials with one of each first task before all that find it learned.

    Side by side those that agree on it would start together, and each would learn it.
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
    """Return what decides the first task of a trial, to compare; None if it cannot share."""
    run = Run.from_flat(trial.fields)
    return tuple(acting_fields(run).items()) if can_share(run) else None


def why_useless(trials: Sequence[PlannedTrial], space: Mapping[str, Domain]) -> str:
    """Say in one sentence why no trial will find another's first task; empty if one may.

    Args:
        trials: of a grid all, of a search the first.
        space: what a search varies; empty for a grid.
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
