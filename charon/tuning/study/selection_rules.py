"""Rules that select the winner of a search."""

from collections.abc import Sequence
from dataclasses import dataclass

from charon.data.source import Description
from charon.errors import ConfigError

VALIDATION, FIRST_TASKS, TEST, GTEP = "validation", "first-tasks", "test", "gtep"

RULES: dict[str, str] = {
    VALIDATION: "validation accuracy after the last task",
    FIRST_TASKS: "validation accuracy after the first tasks only",
    TEST: "accuracy on the test set",
    GTEP: "validation accuracy after the last task, on NTU-60's classes alone",
}
"""Rule -> what it judges a trial by. ``first-tasks`` is A-GEM's, ``test`` that of the paper's
code. ``gtep`` tunes on the classes of NTU-60 and evaluates on the 60 that NTU-120 adds, both cut
out of one NTU-120 set, so that a configuration is evaluated on none of the classes it was tuned
on; source: "Hyperparameters in Continual Learning: a Reality Check" (arXiv 2403.09066), where
tuning and evaluation have different data and the same scenario."""

EVALUATED_ON = {"ntu60-xsub": "ntu120new-xsub", "ntu60-xview": "ntu120new-xset"}
"""Protocol of a search under ``gtep`` -> that of the new classes."""

FLATTERS = (
    "--select test picks the winner by its accuracy on the test set, which flatters it: its test "
    "accuracy, confirmed or not, is no estimate of what the configuration achieves on unseen clips."
)
"""Said before a search under :data:`TEST` runs, and in every output of it."""


@dataclass(frozen=True)
class Rule:
    """A rule of selection.

    Attributes:
        name: a key of :data:`RULES`.
        after: tasks after which a trial is judged; 0 for all.
    """

    name: str
    after: int = 0

    @property
    def meaning(self) -> str:
        """What a trial is judged by, for people."""
        if self.after:
            noun = "task" if self.after == 1 else f"{self.after} tasks"
            return f"validation accuracy after the first {noun} only"
        return RULES[self.name]


def choose_rule(name: str, first_tasks: int, num_tasks: int, objectives: Sequence[str]) -> Rule:
    """Return a rule that can judge the trials of a search.

    ``first-tasks`` judges after ``first_tasks`` of the stream's tasks; the joint stream has one.

    Raises:
        ConfigError: the rule cannot judge after so many tasks, or by these objectives.
    """
    if not 1 <= first_tasks <= num_tasks:
        raise ConfigError(
            f"--first-tasks must be from 1 to the {num_tasks} tasks of the stream, "
            f"but got {first_tasks}."
        )
    after = first_tasks if name == FIRST_TASKS and first_tasks < num_tasks else 0
    if after == 1 and {"val/forgetting", "val/bwt"} & set(objectives):
        raise ConfigError(
            f"After one task nothing is forgotten, so {' '.join(objectives)} cannot be judged "
            "there; raise --first-tasks."
        )
    scored = ("test/faa", "test/task_il_faa")  # and those of single tasks
    unknown = [o for o in objectives if o.startswith("val/") and on_test(o) not in scored]
    if name == TEST and unknown:
        raise ConfigError(
            f"--select test scores saved models, which gives {' and '.join(scored)} but nothing "
            f"for the objective {unknown[0]!r}; choose another rule or objective."
        )
    return Rule(name, after)


def on_test(objective: str) -> str:
    """Return a validation metric's name on the test set; other metrics keep theirs."""
    return "test/" + objective.removeprefix("val/") if objective.startswith("val/") else objective


def grace_tasks(num_tasks: int) -> int:
    """Return after how many tasks a trial may first be judged: 2 of 6, 3 of 12.

    After the first task nothing can be forgotten yet.
    """
    return max(1, min(num_tasks, 2 if num_tasks <= 8 else 3))


def evaluation_benchmark(name: str) -> str:
    """Return the protocol of the new classes that belongs to a search's under ``gtep``.

    Raises:
        ConfigError: the search's is not a protocol of NTU-60.
    """
    if name not in EVALUATED_ON:
        raise ConfigError(
            f"--select gtep tunes under {' or '.join(EVALUATED_ON)} and evaluates on the classes "
            f"that NTU-120 adds, but the benchmark is {name}; leave it out."
        )
    return EVALUATED_ON[name]


def check_classes(source: str, about: Description) -> None:
    """Raise a ConfigError if a set, read from ``source``, is not NTU RGB+D 120 or like it."""
    num_classes = len(about.class_names)
    if not about.is_ntu or num_classes != 120:
        raise ConfigError(
            f"--select gtep evaluates on the 60 classes that NTU-120 adds, but {source} has "
            f"{num_classes} classes{' of NTU-60' if about.is_ntu else ' of its own'}; take "
            "NTU RGB+D 120 or `standin-120`, or another rule."
        )
