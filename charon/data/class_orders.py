"""Class orders, and their division into tasks.

An order is a permutation of the source's labels: position -> original label. The stream
learns positions 0, 1, 2, ... in turn.
"""

import re
from collections.abc import Sequence
from itertools import accumulate
from math import ceil

from charon.data.class_lists import ClassList, check_complete, is_list, labels_of
from charon.data.source import Description
from charon.errors import ConfigError
from charon.seeding import numpy_generator

# The paper's tasks as numbers of NTU's actions, T1 first; the first six are Split NTU-60's.
_PAPER_TASKS = (
    *((18, 40, 43, 42, 49, 38, 7, 50, 52, 39), (23, 41, 30, 35, 33, 3, 55, 37, 2, 58)),
    *((14, 11, 17, 16, 13, 25, 31, 1, 24, 8), (44, 53, 29, 12, 9, 46, 59, 36, 60, 57)),
    *((19, 54, 4, 32, 56, 15, 21, 51, 28, 26), (34, 48, 27, 10, 5, 45, 47, 20, 22, 6)),
    *((75, 103, 91, 68, 76, 106, 67, 108, 72, 87), (81, 116, 96, 101, 95, 93, 119, 92, 117, 61)),
    *((115, 65, 110, 79, 70, 100, 90, 74, 109, 84), (77, 63, 105, 113, 102, 118, 85, 111, 64, 94)),
    *((112, 62, 82, 98, 120, 71, 80, 114, 104, 69), (107, 73, 97, 89, 99, 83, 66, 78, 86, 88)),
)
PAPER: tuple[int, ...] = tuple(action - 1 for task in _PAPER_TASKS for action in task)
"""The order of the paper's supplement, as labels. Source: CHARON, supplement."""

RELEASED: tuple[int, ...] = tuple(PAPER.index(label) for label in range(len(PAPER)))
"""The order that the authors' code really trains on: it maps new = PAPER[original], which is
the inverse reading of the same list. 13 of 60 and 20 of 120 classes keep their task."""

ORDERS = ("auto", "paper", "released", "natural", "shuffled(SEED)")


def class_order(
    name: ClassList, description: Description, classes: Sequence[int] | None = None
) -> tuple[int, ...]:
    """Return the original label at each position, of all classes if ``classes`` is None.

    An order is ``paper`` or ``released`` (NTU RGB+D only; of some of its classes, as they follow
    one another there), ``natural`` (the source's order), ``shuffled(7)`` (drawn from that seed
    alone), ``auto``: ``paper`` for NTU RGB+D, ``natural`` for other data, or a list of all these
    classes (:mod:`charon.data.class_lists`).

    Raises:
        ConfigError: the name is unknown, or the order does not apply to these classes.
    """
    classes = range(len(description.class_names)) if classes is None else classes
    if isinstance(name, tuple) or is_list(name):
        labels = labels_of(name, description, "class_order")
        check_complete(labels, classes, description)
        return labels
    is_published = description.is_ntu and len(description.class_names) in (60, 120)
    if name == "auto":
        name = "paper" if is_published else "natural"
    if name == "natural":
        return tuple(classes)
    if name in ("paper", "released"):
        if not is_published:
            raise ConfigError(
                f"The class order `{name}` orders the 60 or 120 classes of NTU RGB+D, but "
                f"{description.name} has {len(classes)} classes of its own; choose `natural` or "
                "`shuffled(SEED)`."
            )
        # The classes of 60 and the new ones are halves of both orders.
        chosen = set(classes)
        return tuple(label for label in (PAPER if name == "paper" else RELEASED) if label in chosen)
    shuffled = re.fullmatch(r"shuffled\((\d+)\)", name)
    if shuffled is None:
        raise ConfigError(
            f"Unknown class order `{name}`; known are {', '.join(ORDERS)}, and a list of classes "
            "or a .txt file of them."
        )
    order = numpy_generator(int(shuffled[1]), "class order").permutation(len(classes))
    return tuple(classes[position] for position in order.tolist())


def named_orders(words: Sequence[str]) -> tuple[str, ...]:
    """Return names of orders, with ``shuffled(0..4)`` spelt out as five of them.

    Raises:
        ConfigError: the first seed of such a range is above the last.
    """
    names: list[str] = []
    for word in words:
        seeds = re.fullmatch(r"shuffled\((\d+)\.\.(\d+)\)", word)
        if seeds is None:
            names.append(word)
            continue
        first, last = int(seeds[1]), int(seeds[2])
        if first > last:
            raise ConfigError(f"`{word}` has no seed; write the smaller one first.")
        names += [f"shuffled({seed})" for seed in range(first, last + 1)]
    return tuple(names)


def task_classes(
    num_classes: int, classes_per_task: int | tuple[int, ...] = 0
) -> tuple[range, ...]:
    """Return the positions in the class order that each task learns.

    ``classes_per_task`` is the size of every task (the last may be smaller), or a size for each.
    0 chooses 10 for 60 or 120 classes, as in the paper, and otherwise the size that makes 5
    tasks, or as many as there are classes.

    Raises:
        ConfigError: a task would be empty, or the sizes do not add up to ``num_classes``.
    """
    if isinstance(classes_per_task, int):
        size = classes_per_task
        if size == 0:
            size = 10 if num_classes in (60, 120) else ceil(num_classes / 5)
        if not 1 <= size <= num_classes:
            raise ConfigError(
                f"`1 <= classes_per_task <= {num_classes}` must hold for {num_classes} classes, "
                f"but got classes_per_task={classes_per_task}; 0 chooses by the data."
            )
        starts = range(0, num_classes, size)
        return tuple(range(start, min(start + size, num_classes)) for start in starts)
    if min(classes_per_task, default=0) < 1:
        raise ConfigError(f"Every task needs a class, but got classes_per_task={classes_per_task}.")
    if sum(classes_per_task) != num_classes:
        raise ConfigError(
            f"classes_per_task={classes_per_task} adds up to {sum(classes_per_task)}, but there "
            f"are {num_classes} classes."
        )
    ends = accumulate(classes_per_task)
    return tuple(range(end - size, end) for end, size in zip(ends, classes_per_task, strict=True))
