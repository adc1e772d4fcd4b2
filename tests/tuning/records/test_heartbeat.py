"""A trial's progress within its task, as the driver reads it."""

import time

from charon.tuning.records.heartbeat import Beat, Heart, read_beat


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


def test_a_clock_that_is_set_back_stops_no_heart(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: 9000.0 - now[0])
    heart = Heart(tmp_path / "beat.json")
    heart.beat(1, 1, 2, "main")
    now[0] += 2.0
    heart.beat(1, 2, 2, "main")
    assert read_beat(tmp_path / "beat.json").epoch == 2
