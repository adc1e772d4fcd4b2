"""The plan of a search's selection: its rule, and the confirm stage."""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from charon.errors import ConfigError
from charon.settings import Value
from charon.tuning.session.data import StudyData
from charon.tuning.session.options import Options
from charon.tuning.study.objectives import check_defined
from charon.tuning.study.selection_rules import (
    GTEP,
    VALIDATION,
    Rule,
    check_classes,
    choose_rule,
    evaluation_benchmark,
    grace_tasks,
)
from charon.tuning.study.study import BENCHMARK, Study

NUM_SEEDS = 3
"""Of the confirm stage, unless ``--confirm-seeds`` says otherwise."""


@dataclass(frozen=True)
class SelectionPlan:
    """How a search is judged.

    Attributes:
        rule: selects the winner.
        first_tasks: tasks that ``first-tasks`` judges by, in the gap report too.
        seeds: of the confirm stage; empty if it is off.
        benchmark: of the confirm stage; None for the search's.
    """

    rule: Rule
    first_tasks: int
    seeds: tuple[int, ...]
    benchmark: str | None


def plan_selection(
    study: Study, options: Options, fields: Mapping[str, Value], data: StudyData
) -> SelectionPlan:
    """Return how a search is judged, from all fields of its first trial.

    Raises:
        ConfigError: the objectives or the rule do not fit the search or its data.
    """
    if fields["data.evaluate_on"] != "val":
        raise ConfigError(
            "A search is judged on validation clips and never sees the test set, so "
            "data.evaluate_on cannot be set; leave it out."
        )
    is_joint = fields["data.stream"] == "joint"
    num_tasks = 1 if is_joint else len(data.tasks.tasks)
    check_defined(study.objectives, num_tasks)
    first = options.first_tasks or grace_tasks(num_tasks)
    rule = choose_rule(options.select or VALIDATION, first, num_tasks, study.objectives)
    benchmark = None
    if rule.name == GTEP:
        check_classes(data.archive.source, data.archive.description)
        benchmark = evaluation_benchmark(str(fields[BENCHMARK]))
    number = NUM_SEEDS if options.confirm_seeds is None else options.confirm_seeds
    number = min(number, 1) if options.smoke else number
    return SelectionPlan(rule, first, fresh_seeds(number, study.seeds), benchmark)


def fresh_seeds(number: int, seen: Collection[int]) -> tuple[int, ...]:
    """Return the first ``number`` seeds that are not among ``seen``."""
    return tuple(itertools.islice((s for s in itertools.count() if s not in seen), number))
