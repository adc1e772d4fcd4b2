"""Class orders and tasks against the published lists."""

import numpy as np
import pytest
from data.set_makers import OTHER, description_of_ntu

from charon.data.class_orders import PAPER, RELEASED, class_order, named_orders, task_classes
from charon.data.source import Description
from charon.errors import ConfigError

NTU60, NTU120 = description_of_ntu(60), description_of_ntu(120)

# The first and the last task of each reading, as action numbers.
PUBLISHED = {
    "paper": (
        (18, 40, 43, 42, 49, 38, 7, 50, 52, 39),
        (34, 48, 27, 10, 5, 45, 47, 20, 22, 6),
        (107, 73, 97, 89, 99, 83, 66, 78, 86, 88),
    ),
    "released": (
        (28, 19, 16, 43, 55, 60, 7, 30, 35, 54),
        (48, 9, 32, 42, 17, 45, 40, 20, 37, 39),
        (98, 101, 94, 108, 81, 72, 79, 96, 77, 105),
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_tasks(name):
    actions = [label + 1 for label in class_order(name, NTU120)]
    first, sixth, last = PUBLISHED[name]
    assert tuple(actions[:10]) == first
    assert tuple(actions[50:60]) == sixth
    assert tuple(actions[-10:]) == last


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_order_of_60_is_the_beginning_of_that_of_120(name):
    order = class_order(name, NTU60)
    assert order == class_order(name, NTU120)[:60]
    assert sorted(order) == list(range(60))
    assert sorted(class_order(name, NTU120)) == list(range(120))


def test_the_released_order_is_the_inverse_reading_of_the_papers():
    # The authors' code gives original class c the new number PAPER[c].
    for original in range(120):
        assert RELEASED[PAPER[original]] == original


@pytest.mark.parametrize(("about", "agreeing"), [(NTU60, 13), (NTU120, 20)])
def test_few_classes_are_in_the_same_task_in_both(about, agreeing):
    tasks = task_classes(len(about.class_names))
    paper, released = class_order("paper", about), class_order("released", about)
    same = [
        len({paper[i] for i in positions} & {released[i] for i in positions}) for positions in tasks
    ]
    assert sum(same) == agreeing


@pytest.mark.parametrize("name", [*PUBLISHED, "auto", "natural", "shuffled(7)"])
def test_the_new_classes_have_an_order_of_their_own(name):
    order = class_order(name, NTU120, range(60, 120))
    assert sorted(order) == list(range(60, 120))
    if name in PUBLISHED:
        assert order == class_order(name, NTU120)[60:]


def test_auto_is_the_papers_order_for_ntu_and_the_sources_for_others():
    assert class_order("auto", NTU60) == class_order("paper", NTU60)
    assert class_order("auto", OTHER) == class_order("natural", OTHER) == (0, 1)


def test_a_shuffled_order_depends_on_its_own_seed_alone():
    first = class_order("shuffled(7)", NTU60)
    assert sorted(first) == list(range(60))
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    assert class_order("shuffled(7)", NTU60) == first
    assert class_order("shuffled(8)", NTU60) != first


@pytest.mark.parametrize("name", ["paper", "released"])
def test_a_published_order_of_other_data_is_refused(name):
    sixty = Description("other", tuple(map(str, range(60))), 4, 1, 3, 1)
    for about in (OTHER, sixty):
        with pytest.raises(ConfigError, match=rf"`{name}` orders the 60 or 120 classes of NTU"):
            class_order(name, about)


@pytest.mark.parametrize("name", ["Paper", "shuffled", "shuffled()", "shuffled(-1)", "random"])
def test_an_unknown_order_is_refused_with_the_known_ones(name):
    with pytest.raises(ConfigError, match=r"Unknown class order .*; known are auto, paper, rel"):
        class_order(name, NTU60)


def test_an_order_of_ones_own_is_all_classes_in_the_order_listed():
    assert class_order("b,a", OTHER) == class_order((1, 0), OTHER) == (1, 0)
    backwards = tuple(reversed(range(60)))
    assert class_order(backwards, NTU60) == backwards
    assert class_order("A3,A1", NTU60, (0, 2)) == (2, 0)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("1,", r"lists 1 classes, but there are 2: it lacks class 0 \(a\); add them"),
        ("0,0", r"lists class 0 \(a\) twice"),
        ("a,c", "class_order lists `c`, which is no class of other"),
    ],
)
def test_an_order_that_is_not_of_all_classes_is_refused(order, said):
    with pytest.raises(ConfigError, match=said):
        class_order(order, OTHER)


def test_an_order_of_more_classes_than_the_stream_has_is_refused():
    with pytest.raises(ConfigError, match=r"lists class 1 \(.*\), which is not in this stream"):
        class_order((0, 1, 2), NTU60, (0, 2))


@pytest.mark.parametrize("name", PUBLISHED)
def test_some_of_ntus_classes_follow_one_another_as_in_the_published_order(name):
    some = (3, 17, 39, 41)
    whole = class_order(name, NTU60)
    assert class_order(name, NTU60, some) == tuple(sorted(some, key=whole.index))
    assert sorted(class_order("shuffled(1)", NTU60, some)) == list(some)
    assert class_order("natural", NTU60, some) == some


def test_shuffled_orders_are_named_by_a_range_of_seeds():
    assert named_orders(["paper", "shuffled(2..4)", "shuffled(9)"]) == (
        *("paper", "shuffled(2)", "shuffled(3)", "shuffled(4)", "shuffled(9)"),
    )
    with pytest.raises(ConfigError, match="write the smaller one first"):
        named_orders(["shuffled(4..2)"])


@pytest.mark.parametrize(
    ("num_classes", "classes_per_task", "sizes"),
    [
        (60, 0, [10] * 6),
        (120, 0, [10] * 12),
        (20, 0, [4] * 5),
        (7, 0, [2, 2, 2, 1]),
        (3, 0, [1, 1, 1]),
        (1, 0, [1]),
        (20, 6, [6, 6, 6, 2]),
        (20, 20, [20]),
        (20, (1, 15, 4), [1, 15, 4]),
    ],
)
def test_tasks_are_consecutive_positions(num_classes, classes_per_task, sizes):
    tasks = task_classes(num_classes, classes_per_task)
    assert [len(task) for task in tasks] == sizes
    assert [position for task in tasks for position in task] == list(range(num_classes))


@pytest.mark.parametrize(
    ("classes_per_task", "said"),
    [
        (-1, "`1 <= classes_per_task <= 20` must hold for 20 classes, but got .*=-1; 0 chooses"),
        (21, "but got classes_per_task=21"),
        ((10, 0, 10), r"Every task needs a class, but got classes_per_task=\(10, 0, 10\)"),
        ((), "Every task needs a class"),
        ((10, 5), r"classes_per_task=\(10, 5\) adds up to 15, but there are 20 classes"),
    ],
)
def test_an_empty_task_or_a_wrong_sum_is_refused(classes_per_task, said):
    with pytest.raises(ConfigError, match=said):
        task_classes(20, classes_per_task)
