"""Tasks: which clips each has, and how they are loaded."""

import numpy as np
import pytest
import torch
from tiny_runs import NUM_FRAMES, tiny_run

from charon.errors import ConfigError
from charon.training.tasks import Task, Tasks, union


def tasks_of(archive, **changes):
    run = tiny_run(**{f"data__{name}": value for name, value in changes.items()})
    return Tasks(archive, run.data, run.seed)


def test_every_clip_is_in_the_one_task_of_its_class(two_bodies):
    tasks = tasks_of(two_bodies, class_order="shuffled(2)")
    for task in tasks.tasks:
        for rows in (task.train, task.test):
            assert {tasks.order.index(label) for label in two_bodies.label[rows]} == set(
                task.classes
            )
    rows = np.concatenate([rows for task in tasks.tasks for rows in (task.train, task.test)])
    assert sorted(rows) == list(range(two_bodies.num_clips))
    assert tasks.num_training_clips == 24


def test_what_describes_them(two_bodies):
    tasks = tasks_of(two_bodies)
    assert tasks.clip_shape == (3, NUM_FRAMES, 5, 2)
    assert tasks.num_classes == 6
    assert tasks.class_names == [f"class {k}" for k in range(6)]
    assert (tasks.protocol, tasks.val_rule) == ("given split", "none")


def test_tasks_are_joined_in_their_order():
    parts = [Task(range(k, k + 1), np.array([k]), np.array([10 + k, 20 + k])) for k in range(3)]
    whole = union(parts)
    assert whole.classes == range(3)
    assert whole.train.tolist() == [0, 1, 2]
    assert whole.test.tolist() == [10, 20, 11, 21, 12, 22]


def test_clips_are_loaded_in_the_order_asked_for_with_their_positions_as_labels(two_bodies):
    tasks = tasks_of(two_bodies, class_order="shuffled(2)")
    rows = np.array([7, 0])
    clips = tasks.load(rows, "test")
    assert clips.x.shape == (2, *tasks.clip_shape)
    assert clips.x.dtype == torch.float32
    assert [tasks.order[label] for label in clips.label] == two_bodies.label[rows].tolist()


def test_classes_that_do_not_fill_the_tasks_are_refused(two_bodies):
    with pytest.raises(ConfigError, match="classes_per_task"):
        tasks_of(two_bodies, classes_per_task=9)
