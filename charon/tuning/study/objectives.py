"""Objectives of a study: metrics, and whether more or less of each is better."""

from collections.abc import Sequence
from typing import Literal

from charon.errors import ConfigError
from charon.text import byte_size

Direction = Literal["maximize", "minimize"]

ACCURACIES = ("faa", "task_il_faa", "average_incremental_accuracy")
"""Percent, defined after every task, so that a search can compare unfinished trials."""

DIRECTIONS: dict[str, Direction] = {
    **{f"val/{name}": "maximize" for name in ACCURACIES},
    "val/forgetting": "minimize",
    "val/bwt": "maximize",
    "val/harmonic_mean": "maximize",
    "memory/bytes": "minimize",
    "time/train_seconds": "minimize",
}
"""Metrics that every learner reports, as they are logged."""


def directions(objectives: Sequence[str]) -> list[Direction]:
    """Return the direction of each metric; ``test/...`` has that of ``val/...``.

    Raises:
        ConfigError: a metric is unknown.
    """
    names = [n if n in DIRECTIONS else "val/" + n.removeprefix("test/") for n in objectives]
    for name, given in zip(names, objectives, strict=True):
        if name not in DIRECTIONS:
            raise ConfigError(
                f"There is no metric {given!r} to be an objective; known are "
                f"{', '.join(DIRECTIONS)}."
            )
    return [DIRECTIONS[name] for name in names]


def check_objectives(objectives: Sequence[str], *, is_search: bool) -> None:
    """Raise a ConfigError if a study cannot have these objectives.

    That is if one is unknown or named twice, if a search would select on the test set or without
    an accuracy, or if a grid has several.
    """
    for name in objectives:
        if is_search and name.startswith("test/"):
            raise ConfigError(
                "A search selects, so its objective is a validation metric such as 'val/faa', "
                f"but got {name!r}; selecting on the test set would flatter the winner."
            )
    directions(objectives)
    if len(set(objectives)) < len(objectives):
        raise ConfigError(f"Every objective is named once, but got {' '.join(objectives)}.")
    if len(objectives) > 1 and not is_search:
        raise ConfigError(f"Only a search has several objectives, but got {' '.join(objectives)}.")
    if is_search and not any(map(_is_accuracy, objectives)):
        names = " ".join(objectives)
        raise ConfigError(
            f"A search for the best {names} alone is won by a configuration that learns nothing; "
            f"add an accuracy (--objective val/faa {names}), or search for val/faa within a "
            "--budget."
        )


def check_defined(objectives: Sequence[str], num_tasks: int) -> None:
    """Raise a ConfigError if one of these metrics compares tasks, and there is a single task."""
    across_tasks = ("average_incremental_accuracy", "forgetting", "bwt", "harmonic_mean")
    undefined = [name for name in objectives if name.partition("/")[2] in across_tasks]
    if undefined and num_tasks < 2:
        raise ConfigError(
            f"{undefined[0]} is not defined on a stream of one task, which the joint stream is "
            "too; take another --objective, or fewer data.classes_per_task."
        )


def can_prune(objectives: Sequence[str]) -> bool:
    """Whether trials can be stopped early: a single accuracy compares them before their end."""
    return len(objectives) == 1 and _is_accuracy(objectives[0])


def _is_accuracy(name: str) -> bool:
    return name.partition("/")[2] in ACCURACIES


def show_metric(name: str, value: float) -> str:
    """Return an objective's value for people: percent, or with its unit."""
    if name == "memory/bytes":
        return byte_size(int(value))
    return f"{value:.1f} s" if name == "time/train_seconds" else f"{value:.1f}"


def watched(objectives: Sequence[str]) -> str:
    """Return the accuracy that every report of a trial must contain, without its part: ``faa``."""
    return next(filter(_is_accuracy, objectives), "test/faa").partition("/")[2]


def measured_on(part: str, objectives: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics on ``"test"`` or ``"val"`` clips; what neither has stays as it is."""
    pairs = (name.partition("/") for name in objectives)
    return tuple(f"{part if p in ('test', 'val') else p}/{name}" for p, _, name in pairs)


def score(task: int, num_tasks: int, percent: float) -> float:
    """Return the score in ``[0, 1]`` that a search maximises: first by tasks, then by accuracy.

    Mean accuracy falls as tasks arrive, so by accuracy alone a trial stopped early would win.
    ``percent`` is that over the tasks seen, 1 to ``num_tasks``.
    """
    return (task - 1 + percent / 100) / num_tasks
