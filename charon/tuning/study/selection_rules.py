"""Rules by which the winner of a search is selected, and after how many tasks they judge."""

from collections.abc import Sequence
from dataclasses import dataclass

from charon.errors import ConfigError

VALIDATION, FIRST_TASKS, TEST, GTEP = "validation", "first-tasks", "test", "gtep"

RULES: dict[str, str] = {
    VALIDATION: "validation accuracy after the last task",
    FIRST_TASKS: "validation accuracy after the first tasks only",
    TEST: "accuracy on the test set",
    GTEP: "validation accuracy after the last task, on NTU-60's classes alone",
}
"""Every rule and what a trial is judged by. ``first-tasks`` is A-GEM's, ``test`` what the paper's
code does, ``gtep`` tunes on one benchmark to evaluate on another: the classes NTU-120 adds."""

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
        ConfigError: there is no such rule, or it cannot judge by these objectives.
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


def grace_tasks(num_tasks: int) -> int:
    """Return after how many tasks a trial may first be judged: 2 of 6, 3 of 12.

    After the first task nothing can have been forgotten yet.
    """
    return max(1, min(num_tasks, 2 if num_tasks <= 8 else 3))
