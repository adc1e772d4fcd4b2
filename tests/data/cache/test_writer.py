"""The writer: one process builds while others wait; presence, fingerprints, unique names."""

import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from data.processes import start_python
from data.set_makers import OTHER, description_of_ntu, ntu_clip, random_clips
from other_user import as_nobody, common_folder
from tiny_runs import write_set

from charon.data.cache.archive import Archive
from charon.data.cache.writer import build_folder, remove_leftovers, write_archive
from charon.errors import DataError


def write(folder, clips, about=OTHER):
    folder.mkdir(parents=True)
    write_archive(folder, about, "somewhere", clips)
    return Archive(folder)


def test_presence_is_any_nonzero_coordinate_of_a_body(tmp_path):
    rng = np.random.default_rng(0)
    names = ("S001C001P001R001A001", "S001C001P001R001A050")
    clips = [ntu_clip(rng, name, num_people=n) for n, name in enumerate(names, 1)]
    archive = write(tmp_path / "set", clips, description_of_ntu())
    assert archive.present.tolist() == [[True, False], [True, True]]


def test_the_fingerprint_is_that_of_the_contents(tmp_path):
    clips = random_clips()
    first = write(tmp_path / "a", clips).fingerprint
    # The same wherever it lies, and in any order.
    assert write(tmp_path / "b" / "c", clips[::-1]).fingerprint == first
    # Another with any change of a coordinate, a label, a name, an id, or the split.
    moved = clips[0].x.copy()
    moved[2, 0, 1, 0] = np.nextafter(moved[2, 0, 1, 0], np.float32(9))
    changes = ({"x": moved}, {"label": 1}, {"name": "z"}, {"subject": 9}, {"in_train": True})
    others = {
        write(tmp_path / f"{i}", [replace(clips[0], **change), *clips[1:]]).fingerprint
        for i, change in enumerate(changes)
    }
    assert len(others | {first}) == 6


def test_the_fingerprint_of_ntu_clips_does_not_depend_on_the_file_they_came_in(tmp_path):
    clip = ntu_clip(np.random.default_rng(0), "S001C001P001R001A001")
    a = write(tmp_path / "a", [clip], description_of_ntu())
    split = replace(clip, in_train=True)
    b = write(tmp_path / "b", [split], description_of_ntu(name="ntu60-xsub"))
    assert a.fingerprint == b.fingerprint


def test_two_clips_of_one_name_are_refused(tmp_path):
    clips = random_clips()
    with pytest.raises(DataError, match="clip clip 0 is there 2 times"):
        write(tmp_path / "set", [*clips, clips[0]])


def test_what_is_renamed_is_kept_and_not_built_again(tmp_path):
    final = tmp_path / "cache" / "set"
    with build_folder(final) as folder:
        (folder / "frames").write_text("all")
        folder.replace(final)
    assert [path.name for path in final.iterdir()] == ["frames"]
    assert [path.name for path in final.parent.iterdir()] == ["set"]
    with build_folder(final) as folder:
        assert folder is None


def test_a_lock_that_could_not_be_removed_is_removed_later(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "lock").touch()
    with build_folder(tmp_path / "set") as folder:
        assert folder is None
    assert list((tmp_path / "set").iterdir()) == []


def test_a_failure_leaves_nothing(tmp_path):
    def fail(folder):
        (folder / "frames").write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError), build_folder(tmp_path / "set") as folder:
        fail(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_waiting_process_takes_over_when_the_first_is_killed(tmp_path):
    final = tmp_path / "cache" / "set"
    script = f"""
        import time
        from pathlib import Path
        from charon.data.cache.writer import build_folder
        with build_folder(Path({str(final)!r})) as folder:
            (folder / "junk").write_text("half")
            print("building", flush=True)
            time.sleep(600)
    """
    first = start_python(script)
    assert first.stdout.readline() == "building\n"
    second = start_python(script)
    time.sleep(0.3)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert second.stdout.readline() == "building\n"
    second.send_signal(signal.SIGKILL)
    second.communicate()
    with build_folder(final) as folder:
        assert [path.name for path in folder.iterdir()] == ["lock"]
    assert list(final.parent.iterdir()) == []


def test_leftovers_are_removed_but_not_what_is_being_built(tmp_path):
    (tmp_path / ".preparing-dead").mkdir()
    (tmp_path / ".removing-old" / "x").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    script = f"""
        from pathlib import Path
        from charon.data.cache.writer import build_folder
        with build_folder(Path({str(tmp_path / "live")!r})):
            print("building", flush=True)
            __import__("time").sleep(600)
    """
    process = start_python(script)
    assert process.stdout.readline() == "building\n"
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".preparing-live", "other"]
    process.kill()
    process.communicate()
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_another_user_reads_what_is_prepared_and_is_refused_what_they_may_not_write():
    def build(final):
        with build_folder(final) as folder:
            assert folder is None

    with common_folder() as common:
        cache = common / "cache"
        cache.mkdir(mode=0o755)
        write_set(cache / "set")
        assert as_nobody(lambda: build(cache / "set")) == ""
        assert as_nobody(lambda: Archive(cache / "set")) == ""
        assert as_nobody(lambda: build(cache / "other")).startswith("PermissionError")
