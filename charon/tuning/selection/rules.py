"""Rules that select the winner of a search: pure functions of the trials' records.

Only trials that learned all tasks can win: mean accuracy falls as tasks arrive, so a trial
stopped early looks better than it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from charon.errors import CharonError, ConfigError
from charon.tuning.records.journal import FINISHED, TrialRecord

VALIDATION, FIRST_TASKS, TEST, GTEP = "validation", "first-tasks", "test", "gtep"

RULES: dict[str, str] = {
    VALIDATION: "validation accuracy after the last task",
    FIRST_TASKS: "validation accuracy after the first tasks only",
    TEST: "accuracy on the test set",
    GTEP: "validation accuracy after the last task, on NTU-60's classes alone",
}
"""What each rule judges a trial by. ``first-tasks`` is A-GEM's, ``test`` is what the paper's code
does, ``gtep`` tunes on one benchmark to evaluate on another: the classes that NTU-120 adds."""

FLATTERS = (
    "The winner was picked by its accuracy on the test set, so its test accuracy flatters it, "
    "confirmed or not: it is no estimate of what the setting achieves on unseen clips."
)
"""What every output says of a search under :data:`TEST`."""

WILL_FLATTER = (
    "--select test picks the winner by its accuracy on the test set, which will flatter it: its "
    "test accuracy, confirmed or not, is no estimate of what the setting achieves on unseen clips."
)
"""The same before it has run."""

Tested = Mapping[str, Mapping[str, float]]
"""Metrics of finished trials on the test set (``test/...``), by the trials' ids."""


class SelectionError(CharonError):
    """No trial of a search can be its winner."""


@dataclass(frozen=True)
class Rule:
    """How finished trials are judged.

    Attributes:
        name: one of :data:`RULES`.
        after: tasks after which a trial is judged; 0: after the last one.
    """

    name: str
    after: int = 0

    @property
    def meaning(self) -> str:
        """What a trial is judged by, in words."""
        if self.after:
            noun = "task" if self.after == 1 else f"{self.after} tasks"
            return f"validation accuracy after the first {noun} only"
        return RULES[self.name]


def choose_rule(name: str, first_tasks: int, num_tasks: int, objectives: Sequence[str]) -> Rule:
    """Return a rule that can judge the trials of a search.

    Args:
        name: one of :data:`RULES`.
        first_tasks: after how many tasks ``first-tasks`` judges.
        num_tasks: reports of a run: tasks of the stream, one on the joint stream.
        objectives: of the search.

    Raises:
        ConfigError: the rule is unknown, or cannot judge by these objectives.
    """
    if name not in RULES:
        raise ConfigError(f"There is no rule of selection {name!r}; known are {', '.join(RULES)}.")
    if not 1 <= first_tasks <= num_tasks:
        raise ConfigError(
            f"--first-tasks must be from 1 to the {num_tasks} tasks of the stream, "
            f"but got {first_tasks}."
        )
    after = first_tasks if name == FIRST_TASKS and first_tasks < num_tasks else 0
    if after == 1 and NEED_TWO_TASKS & set(objectives):
        raise ConfigError(
            f"After one task nothing is forgotten, so {' '.join(objectives)} cannot be judged "
            "there; raise --first-tasks."
        )
    unknown = [o for o in objectives if o.startswith("val/") and on_test(o) not in SCORED]
    if name == TEST and unknown:
        raise ConfigError(
            f"--select test scores saved models, which gives {' and '.join(SCORED)} but nothing "
            f"for the objective {unknown[0]!r}; choose another rule or objective."
        )
    return Rule(name, after)


SCORED = ("test/faa", "test/task_il_faa")
"""What a finished trial's saved model gives on the test set, beside the single tasks."""

NEED_TWO_TASKS = {"val/forgetting", "val/bwt"}


def on_test(objective: str) -> str:
    """Return the name on the test set of a metric on validation clips; others stay."""
    return "test/" + objective.removeprefix("val/") if objective.startswith("val/") else objective


@dataclass(frozen=True)
class Selection:
    """What a rule says of a search's finished trials.

    Attributes:
        winner: the best; of several objectives, the one with the best first objective on the
            Pareto front.
        front: finished trials than which no other is better in all objectives, the best first
            objective first; the winner alone where there is one objective.
        values: of each finished trial the objectives under the rule, by its id.
    """

    winner: TrialRecord
    front: list[TrialRecord]
    values: dict[str, tuple[float, ...]]


def finished(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that learned all tasks, in the order they were suggested."""
    return [r for r in records if r.status == FINISHED and r.tasks_seen == r.num_tasks]


def select(
    records: Sequence[TrialRecord],
    objectives: Sequence[str],
    directions: Sequence[str],
    rule: Rule,
    tested: Tested | None = None,
) -> Selection:
    """Return the winner of a search under a rule.

    Of equally good trials the one suggested first wins, so the paper's setting does.

    Args:
        records: all trials that may be chosen, in the order they were suggested.
        objectives: metrics, the first one first.
        directions: ``maximize`` or ``minimize`` for each.
        rule: how to judge.
        tested: metrics on the test set; needed by the rule ``test``.

    Raises:
        SelectionError: no trial has finished.
    """
    candidates = finished(records)
    if not candidates:
        raise SelectionError(
            "No trial has learned all tasks, so none can be selected; run more than "
            f"{len(records)}, or prune less."
        )
    values = {r.trial_id: _values(r, objectives, rule, tested or {}) for r in candidates}
    signs = [1.0 if direction == "maximize" else -1.0 for direction in directions]
    keys = {
        name: tuple(sign * value for sign, value in zip(signs, of_trial, strict=True))
        for name, of_trial in values.items()
    }
    front = [
        r
        for r in candidates
        if not any(_dominates(keys[other.trial_id], keys[r.trial_id]) for other in candidates)
    ]
    front.sort(key=lambda record: keys[record.trial_id], reverse=True)
    if len(objectives) == 1:
        front = front[:1]
    return Selection(front[0], front, values)


def _dominates(keys: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether ``keys`` is at least as good in all objectives and better in at least one."""
    return keys != other and all(a >= b for a, b in zip(keys, other, strict=True))


def _values(
    record: TrialRecord, objectives: Sequence[str], rule: Rule, tested: Tested
) -> tuple[float, ...]:
    metrics = record.curve[rule.after or record.tasks_seen]
    if rule.name == TEST:
        metrics = {**metrics, **tested[record.trial_id]}
        objectives = [on_test(name) for name in objectives]
    return tuple(metrics[name] for name in objectives)
