"""Streams: which clip is in which task, by numbers worked out by hand."""

import numpy as np
import pytest

from charon.config import Run
from charon.data.class_orders import task_classes
from charon.data.streams import LEFT_OUT, PROTOCOLS, deal, domain_groups, in_words, protocol_fields
from charon.errors import ConfigError

CLASSES, CLIPS = 6, 10
LABEL = np.repeat(np.arange(CLASSES), CLIPS)
HOME = LABEL // 2
"""Three tasks of two classes of ten clips."""


def dealt(seed=0, **how):
    return deal(HOME, LABEL, 3, np.random.default_rng(seed), **how)


def counts(task, number=3):
    """Clips by task and class."""
    table = np.zeros((number, CLASSES), int)
    for place, label in zip(task, LABEL, strict=True):
        if place != LEFT_OUT:
            table[place, label] += 1
    return table.tolist()


def test_a_plain_stream_leaves_every_clip_at_home():
    assert dealt().tolist() == HOME.tolist()


def test_blurred_borders_give_the_same_number_to_every_other_task():
    # A fifth of ten clips: one each for the two other tasks.
    assert counts(dealt(blurred=0.2)) == [
        [8, 8, 1, 1, 1, 1],
        [1, 1, 8, 8, 1, 1],
        [1, 1, 1, 1, 8, 8],
    ]


def test_classes_come_again_in_the_tasks_after_their_own():
    # Half of ten clips: five over two tasks, all five in the only task left, none after the last.
    table = np.array(counts(dealt(returning=0.5)))
    assert table[0].tolist() == [5, 5, 0, 0, 0, 0]
    assert table[1, 2:].tolist() == [5, 5, 0, 0]
    assert table[2, 2:].tolist() == [5, 5, 10, 10]
    for label in (0, 1):
        assert sorted(table[1:, label].tolist()) == [2, 3]


def test_few_shots_are_kept_of_each_class_after_the_first_task():
    assert counts(dealt(shots=3)) == [
        [10, 10, 0, 0, 0, 0],
        [0, 0, 3, 3, 0, 0],
        [0, 0, 0, 0, 3, 3],
    ]
    # More than there are changes nothing.
    assert dealt(shots=99).tolist() == HOME.tolist()


def test_the_clips_are_drawn_from_the_seed():
    for how in ({"blurred": 0.2}, {"returning": 0.5}, {"shots": 3}):
        assert dealt(**how).tolist() == dealt(**how).tolist()
        assert dealt(**how).tolist() != dealt(seed=1, **how).tolist()


@pytest.mark.parametrize(
    ("per_task", "groups"),
    [
        (0, [[1, 2], [4, 5], [7, 8], [9]]),
        (1, [[1], [2], [4], [5], [7], [8], [9]]),
        (3, [[1, 2, 4], [5, 7, 8], [9]]),
        (7, [[1, 2, 4, 5, 7, 8, 9]]),
    ],
)
def test_domains_are_dealt_in_ascending_order(per_task, groups):
    ids = np.array([9, 1, 2, 4, 5, 7, 8, 8, 1], np.int16)
    assert [group.tolist() for group in domain_groups(ids, per_task)] == groups


def test_more_domains_than_there_are_is_refused():
    with pytest.raises(ConfigError, match="`domains_per_task <= 2` must hold for 2 domains, but"):
        domain_groups(np.array([1, 2], np.int16), 3)


SIZES = {
    "poet": [40, 5, 5, 5, 5],
    "elsenet": [50] + [1] * 10,
    "30+5x6": [30] + [6] * 5,
    "12x5": [5] * 12,
    "24x5": [5] * 24,
}


@pytest.mark.parametrize("name", SIZES)
def test_protocols_that_cut_classes_have_their_published_sizes(name):
    run = Run.from_flat(protocol_fields(name))
    tasks = task_classes(sum(SIZES[name]), run.data.classes_per_task)
    assert [len(task) for task in tasks] == SIZES[name]
    with pytest.raises(ConfigError, match=r"adds up to \d+, but there are 7 classes"):
        task_classes(7, run.data.classes_per_task)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_is_made_of_fields_and_has_a_source(name):
    learner = {"learner": "er"}
    run, plain = Run.from_flat({**learner, **protocol_fields(name)}), Run.from_flat(learner)
    changed = {field for field, value in run.to_flat().items() if value != plain.to_flat()[field]}
    assert changed == set(PROTOCOLS[name].fields)
    assert PROTOCOLS[name].source


def test_what_else_the_protocols_say():
    assert protocol_fields("poet")["data.shots"] == 5
    assert protocol_fields("online") == {"optimiser.epochs": 1}
    with pytest.raises(ConfigError, match="There is no stream 'poets'; known are poet, elsenet"):
        protocol_fields("poets")


def test_a_stream_in_words():
    plain = {"shots": 0, "blurred": 0.0, "returning": 0.0, "domain": "none", "is_joint": False}
    assert in_words(**plain) == ""
    assert in_words(**{**plain, "shots": 5}) == ", 5 clips of each class after the first task"
    assert in_words(**{**plain, "blurred": 0.1}) == ", 10% of a class's clips in other tasks"
    assert in_words(**{**plain, "domain": "camera", "is_joint": True}) == (
        ", by camera, learned as one"
    )
