"""Tasks: which clips each has, and how they are loaded."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from data.set_makers import description_of_ntu
from tiny_runs import NUM_FRAMES, tiny_run

from charon.config import Run
from charon.data import ntu
from charon.data.streams import protocol_fields
from charon.errors import ConfigError, DataError
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
    parts = [
        Task(range(k, k + 1), np.array([k]), np.array([10 + k, 20 + k]), range(k + 1))
        for k in range(3)
    ]
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


@pytest.fixture(scope="module")
def ntu60():
    """What tasks read of an archive of all usable clips of NTU RGB+D 60."""
    names = np.array(ntu.all_names(60))
    ids = ntu.parse_names(names.tolist())
    return SimpleNamespace(
        description=description_of_ntu(60),
        source="NTU",
        names=names,
        num_clips=len(names),
        label=ids.label.astype(np.int64),
        subject=ids.performer,
        camera=ids.camera,
        setup=ids.setup,
        in_train=np.full(len(names), -1, np.int8),
    )


def named_stream(archive, name, seed=0, **fields):
    known = {f"data.{field}": value for field, value in fields.items()}
    run = Run.from_flat({"learner": "er", **protocol_fields(name), **known})
    return Tasks(archive, run.data, seed).tasks


def test_poets_stream_has_40_classes_then_five_of_five_clips_each(ntu60):
    tasks = named_stream(ntu60, "poet", benchmark="ntu60-xsub")
    assert [len(task.classes) for task in tasks] == [40, 5, 5, 5, 5]
    assert [len(task.train) for task in tasks[1:]] == [25] * 4
    plain = tasks_of(ntu60, benchmark="ntu60-xsub", classes_per_task=(40, 5, 5, 5, 5)).tasks
    assert tasks[0].train.tolist() == plain[0].train.tolist()
    for few, every in zip(tasks, plain, strict=True):
        assert set(few.train) <= set(every.train)
        assert few.test.tolist() == every.test.tolist()
        assert few.learned == few.classes == every.learned
    other = named_stream(ntu60, "poet", seed=1, benchmark="ntu60-xsub")
    assert other[1].train.tolist() != tasks[1].train.tolist()


@pytest.mark.parametrize(
    ("name", "benchmark", "column", "domains"),
    [
        ("cameras", "ntu60-xsub", "camera", [[1], [2], [3]]),
        ("performers", "ntu60-xview", "subject", np.arange(1, 41).reshape(5, 8).tolist()),
        ("setups", "ntu60-xsub", "setup", [*np.arange(1, 17).reshape(4, 4).tolist(), [17]]),
    ],
)
def test_a_domain_stream_has_all_classes_in_every_task(name, benchmark, column, domains, ntu60):
    tasks = named_stream(ntu60, name, benchmark=benchmark)
    of_clip = getattr(ntu60, column)
    assert [sorted(set(of_clip[task.train].tolist())) for task in tasks] == domains
    plain = tasks_of(ntu60, benchmark=benchmark, classes_per_task=10).tasks
    for part in ("train", "test"):
        dealt, whole = (
            np.concatenate([getattr(task, part) for task in each]) for each in (tasks, plain)
        )
        assert sorted(dealt) == sorted(whole)
    for task, there in zip(tasks, domains, strict=True):
        assert set(of_clip[task.test].tolist()) == set(there)
        assert task.classes == task.learned == range(60)
        assert len(set(ntu60.label[task.train])) == 60


def test_so_many_domains_of_a_task_as_are_asked_for(ntu60):
    tasks = named_stream(ntu60, "setups", benchmark="ntu60-xview", domains_per_task=1)
    assert len(tasks) == 17


def test_domains_that_the_benchmark_splits_are_refused(ntu60):
    with pytest.raises(DataError, match="performer 1 and 19 more have training clips but no test"):
        named_stream(ntu60, "performers", benchmark="ntu60-xsub")
    with pytest.raises(DataError, match="choose a benchmark that does not split by camera"):
        named_stream(ntu60, "cameras", benchmark="ntu60-xview")
    with pytest.raises(DataError, match=r"no val clips .* validation holds people out, so choose"):
        named_stream(ntu60, "performers", benchmark="ntu60-xview", evaluate_on="val")


def test_a_stream_by_camera_can_be_validated(ntu60):
    tasks = named_stream(ntu60, "cameras", benchmark="ntu60-xsub", evaluate_on="val")
    assert [set(ntu60.camera[task.test].tolist()) for task in tasks] == [{1}, {2}, {3}]


def test_domains_that_are_unknown_or_lack_a_class_are_refused(two_bodies, ntu60):
    with pytest.raises(DataError, match="does not say the setup of its clips"):
        tasks_of(two_bodies, classes_per_task=0, domain="setup")
    rows = np.flatnonzero((ntu60.setup > 1) | (ntu60.label > 0))
    some = SimpleNamespace(**vars(ntu60))
    for name in ("names", "label", "subject", "camera", "setup", "in_train"):
        setattr(some, name, getattr(ntu60, name)[rows])
    with pytest.raises(
        DataError, match=r"task 1 \(setup 1\) has no training clip of class 0 \(drink"
    ):
        named_stream(some, "setups", benchmark="ntu60-xsub", domains_per_task=1)


def test_a_blurry_stream_has_a_tenth_of_each_class_elsewhere(ntu60):
    tasks = named_stream(ntu60, "blurry", benchmark="ntu60-xview")
    plain = tasks_of(ntu60, benchmark="ntu60-xview", classes_per_task=10).tasks
    dealt = np.concatenate([task.train for task in tasks])
    assert len(dealt) == len(set(dealt.tolist())) == 37_646  # no clip is in two tasks
    for blurry, own in zip(tasks, plain, strict=True):
        at_home = len(np.intersect1d(blurry.train, own.train)) / len(own.train)
        assert at_home == pytest.approx(0.9, abs=1e-3)
        assert blurry.test.tolist() == own.test.tolist()
        assert (blurry.classes, blurry.learned) == (own.classes, range(60))


def test_classes_come_again_in_every_later_task(ntu60):
    tasks = named_stream(ntu60, "returning", benchmark="ntu60-xview")
    assert [task.learned for task in tasks] == [range(stop) for stop in range(10, 70, 10)]
    assert [len(set(ntu60.label[task.train])) for task in tasks] == [10, 20, 30, 40, 50, 60]
    assert [task.classes for task in tasks] == [range(k, k + 10) for k in range(0, 60, 10)]


def test_the_joint_stream_of_domains_is_all_clips(ntu60):
    tasks = named_stream(ntu60, "cameras", benchmark="ntu60-xsub")
    whole = union(tasks)
    assert (whole.classes, whole.learned, len(whole.train)) == (range(60), range(60), 40_091)


def test_some_classes_are_a_stream_of_their_own(ntu60):
    tasks = tasks_of(ntu60, classes="A3,A1,A50", class_order="A50,A3,A1", classes_per_task=0)
    assert tasks.order == (49, 2, 0)
    assert tasks.class_names == ["punching/slapping other person", "brushing teeth", "drink water"]
    assert tasks.protocol == "part of ntu60-xview: 3 of 60 classes"
    assert [task.classes for task in tasks.tasks] == [range(k, k + 1) for k in range(3)]
