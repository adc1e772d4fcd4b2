"""The lines of a run, from results made by hand."""

import numpy as np
from tiny_runs import NUM_CLASSES, TRAIN_CLIPS, tiny_run

from charon.cli.run_report import EpochProgress, task_line, title
from charon.training.stream import Position, Stream, TaskResult

TRAINED = NUM_CLASSES * TRAIN_CLIPS

ALWAYS = {"test/faa": 62.5, "test/acc/task_01": 50.0, "time/task_seconds": 75.0}


def line(task, **metrics):
    named = {name.replace("__", "/"): value for name, value in metrics.items()}
    return task_line(TaskResult(task, 2, {**ALWAYS, **named}, np.zeros((2, 2))))


def test_a_first_task_has_neither_forgetting_nor_speed():
    assert line(1) == "task 1/2  FAA  62.5 %  tasks  50.0  1:15"


def test_a_later_task_has_all_that_was_measured():
    more = {"test/acc/task_02": 75.0, "train/epochs_per_hour": 1234.5, "test/forgetting": 12.0}
    memory = {"memory/clips": 6.0, "memory/bytes": 1500.0}
    assert line(2, **more, **memory) == (
        "task 2/2  FAA  62.5 %  forgetting  12.0  tasks  50.0  75.0  memory 6 clips, 1.5 kB  "
        "1,234 epochs/h  1:15"
    )


def test_accuracies_on_validation_clips_are_told_the_same_way():
    metrics = {name.replace("test/", "val/"): value for name, value in ALWAYS.items()}
    result = TaskResult(1, 2, metrics, np.zeros((2, 2)))
    assert task_line(result) == "task 1/2  FAA  62.5 %  tasks  50.0  1:15"


class Shown:
    def __init__(self):
        self.texts = []

    def show(self, text):
        self.texts.append(text)


def test_the_time_left_is_judged_by_what_this_process_has_learned(monkeypatch):
    times = iter([100.0, 110.0])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    shown = Shown()
    progress = EpochProgress(shown, lambda: None)
    for epoch, fraction in ((1, 0.5), (2, 0.75)):  # resumed: half was done before
        progress(Position(2, 2, "train", epoch, 2, fraction))
    assert shown.texts == [
        "task 2/2: train epoch 1/2",
        "task 2/2: train epoch 2/2, about 0:10 left",
    ]


def test_the_title_says_what_is_special_about_the_tasks(two_bodies):
    def said(**fields):
        return title(Stream(tiny_run("er", **fields), two_bodies))

    assert said().startswith(
        f"er on standin, given split: 3 tasks of 2 classes; {TRAINED} training"
    )
    few = said(data__shots=1, data__classes_per_task=(4, 2))
    assert "2 tasks of 2 to 4 classes, 1 clip of each class after the first task; 18 tr" in few
    cameras = said(data__domain="camera", data__classes_per_task=0)
    assert f"2 tasks of 6 classes, by camera; {TRAINED} training" in cameras
