"""A trial's progress within its task, as the driver reads it."""

import os
import time

import pytest

from charon.tuning.records.heartbeat import (
    Beat,
    Heart,
    Listener,
    Process,
    read_beat,
    read_process,
    write_process,
)


def test_the_latest_beat_is_read_and_not_more_than_a_beat_a_second_is_written(tmp_path):
    path = tmp_path / "t1.json"
    heart = Heart(path)
    heart.beat(2, 1, 30, "train")
    heart.beat(2, 2, 30, "train")
    beat = read_beat(path)
    assert beat == Beat(2, 1, 30, "train", beat.time)


def test_before_the_first_beat_and_of_a_damaged_file_there_is_none(tmp_path):
    assert read_beat(tmp_path / "t1.json") is None
    (tmp_path / "t1.json").write_text("[1, 2")
    assert read_beat(tmp_path / "t1.json") is None


def test_a_beat_that_cannot_be_written_is_left_out(tmp_path):
    Heart(tmp_path / "gone" / "t1.json").beat(2, 1, 30, "train")
    assert read_beat(tmp_path / "gone" / "t1.json") is None


def test_a_pulse_makes_the_file_new_and_keeps_the_beat(tmp_path):
    path = tmp_path / "t1.json"
    heart = Heart(path)
    heart.beat(2, 1, 30, "train")
    os.utime(path, (0, 0))
    heart.pulse()
    assert path.stat().st_mtime > 0
    assert read_beat(path).epoch == 1
    os.utime(path, (0, 0))
    heart.pulse()  # at once, so that nothing is done
    assert path.stat().st_mtime == 0


def test_the_process_of_a_trial_is_read_and_may_not_be_there(tmp_path):
    path = tmp_path / "t1.process"
    assert read_process(path) is None
    write_process(path, "node 1", "ray::charon_tiny label")
    assert read_process(path) == Process("node 1", os.getpid(), "ray::charon_tiny label")
    write_process(tmp_path / "gone" / "t1.process", "", "")  # left out


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def looks(listener, clock, signs, number, seconds=10.0):
    """Look so many times; return what was silent too long at each."""
    found = []
    for _ in range(number):
        clock.now += seconds
        found.append(listener.silent(signs))
    return found


def test_a_trial_that_gives_no_sign_is_silent_after_the_patience_and_no_sooner(clock):
    listener = Listener(30.0, clock)
    assert looks(listener, clock, {"a": 1}, 4) == [[], [], [], ["a"]]


def test_any_sign_counts_and_each_trial_is_listened_to_alone(clock):
    listener = Listener(30.0, clock)
    looks(listener, clock, {"a": 1, "b": 1}, 3)
    assert looks(listener, clock, {"a": 2, "b": 1}, 1) == [["b"]]
    assert looks(listener, clock, {"a": 2}, 3) == [[], [], ["a"]]


def test_a_trial_that_was_returned_has_as_much_time_again(clock):
    listener = Listener(30.0, clock)
    assert looks(listener, clock, {"a": 1}, 7) == [[], [], [], ["a"], [], [], ["a"]]


def test_a_trial_that_waits_for_a_process_is_forgotten(clock):
    listener = Listener(30.0, clock)
    looks(listener, clock, {"a": 1}, 3)
    looks(listener, clock, {}, 5)
    assert looks(listener, clock, {"a": 1}, 3) == [[], [], []]


def test_a_driver_that_was_stopped_itself_blames_no_trial(clock):
    listener = Listener(3600.0, clock)
    looks(listener, clock, {"a": 1}, 2)
    assert looks(listener, clock, {"a": 1}, 1, seconds=1e6) == [[]]


def test_a_clock_that_is_set_back_stops_no_heart(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: 9000.0 - now[0])
    heart = Heart(tmp_path / "beat.json")
    heart.beat(1, 1, 2, "main")
    now[0] += 2.0
    heart.beat(1, 2, 2, "main")
    assert read_beat(tmp_path / "beat.json").epoch == 2
