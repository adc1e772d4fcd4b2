"""Preparation: once, whole or not at all, and every failure in one sentence."""

import errno
import os
import signal

import numpy as np
import pytest
from data.processes import run_python, start_python
from data.set_makers import ListSource, any_arrays, description_of_ntu, ntu_clip, random_clips

from charon.data.cache.archive import list_archives
from charon.data.prepare import open_source, prepare, prepare_source
from charon.data.source import Reading, Unreadable
from charon.errors import DataError


@pytest.fixture
def from_source(tmp_path):
    """Return a function that prepares a given source into ``tmp_path / "cache"``."""

    def run(source, **options):
        return prepare_source(source, "some/where.npz", tmp_path / "cache", **options)

    return run


def left_behind(tmp_path):
    cache = tmp_path / "cache"
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


def test_a_set_is_read_once_and_then_opened(from_source):
    source = ListSource(random_clips())
    first = from_source(source)
    second = from_source(source)
    assert source.times_read == 1
    assert second.fingerprint == first.fingerprint
    assert first.num_clips == 12


def test_a_changed_source_is_read_again(from_source, tmp_path):
    from_source(ListSource(random_clips()))
    from_source(ListSource(random_clips(1), version="2"))
    assert len(list_archives(tmp_path / "cache")) == 2


def test_only_the_archive_is_left(from_source, tmp_path):
    archive = from_source(ListSource(random_clips()))
    assert left_behind(tmp_path) == [archive.path.name]
    assert archive.path.name.startswith("where-")
    assert sorted(p.name for p in archive.path.iterdir()) == [
        "archive.json",
        "clips.npz",
        "frames.npy",
    ]


def test_progress_is_reported_to_the_end(from_source):
    seen = []
    from_source(ListSource(random_clips()), on_progress=lambda *progress: seen.append(progress))
    assert seen[0] == (0, 12)
    assert seen[-1] == (12, 12)


def test_unreadable_clips_are_skipped_and_listed(from_source):
    archive = from_source(ListSource([Unreadable("bad", "line 7 is cut."), *random_clips()]))
    assert archive.num_clips == 12
    assert archive.unreadable == [("bad", "line 7 is cut.")]


def test_what_was_converted_is_kept_with_the_clips(from_source, monkeypatch):
    source = ListSource(random_clips())
    assert from_source(source).notes == []
    other = ListSource(random_clips(), version="2")
    monkeypatch.setattr(other, "notes", lambda: [f"read {other.times_read} times"], raising=False)
    archive = from_source(other)
    assert archive.notes == ["read 1 times"]  # asked when the clips have been read
    assert archive.fingerprint == from_source(source).fingerprint


def test_strict_refuses_an_unreadable_clip_whether_cached_or_not(from_source, tmp_path):
    source = ListSource([*random_clips(), Unreadable("bad", "line 7 is cut.")])
    said = r"1 clips cannot be read, .*; the first is bad: line 7 is cut\."
    with pytest.raises(DataError, match=said):
        from_source(source, strict=True)
    assert left_behind(tmp_path) == []
    from_source(source)
    with pytest.raises(DataError, match=said):
        from_source(source, strict=True)


def test_a_set_without_a_readable_clip_is_refused(from_source, tmp_path):
    with pytest.raises(DataError, match=r"has no clip that can be read: bad: line 7 is cut\.$"):
        from_source(ListSource([Unreadable("bad", "line 7 is cut.")]))
    with pytest.raises(DataError, match=r"has no clip that can be read: it is empty\.$"):
        from_source(ListSource([]))
    assert left_behind(tmp_path) == []


def test_a_class_without_a_readable_clip_is_refused(from_source, tmp_path):
    with pytest.raises(DataError, match=r"no clip of class 1 \(b\) can be read; replace its files"):
        from_source(ListSource(random_clips()[::2]))
    assert left_behind(tmp_path) == []


def test_a_part_of_ntu_can_be_prepared_but_no_class_may_become_empty(from_source, tmp_path):
    rng = np.random.default_rng(0)
    clips = [ntu_clip(rng, "S001C001P001R001A001"), ntu_clip(rng, "S001C001P001R001A005")]
    same_class = Unreadable("S001C002P001R001A005", "it is cut.")
    other_class = Unreadable("S001C002P001R001A007", "it is cut.")
    about = description_of_ntu()
    assert from_source(ListSource([*clips, same_class], about)).num_clips == 2
    with pytest.raises(DataError, match=r"no clip of class 6 \(throw\) can be read"):
        from_source(ListSource([*clips, other_class], about, version="2"))


@pytest.mark.parametrize("where", [0, 5, 12])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("bug"), DataError("NaN.")])
def test_whatever_interrupts_leaves_nothing(from_source, tmp_path, where, error):
    clips = random_clips()
    with pytest.raises(type(error)):
        from_source(ListSource([*clips[:where], error, *clips[where:]]))
    assert left_behind(tmp_path) == []


def test_an_error_of_reading_is_not_taken_for_one_of_writing(from_source):
    with pytest.raises(DataError, match=r"some/where\.npz cannot be read: Input/output error\."):
        from_source(ListSource([OSError(errno.EIO, os.strerror(errno.EIO))]))


def test_a_full_disk_is_said_and_leaves_nothing(from_source, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DataError, match=r"The cache folder .* has no space left; free some, or"):
        from_source(ListSource(random_clips()))
    assert left_behind(tmp_path) == []


def test_a_disk_that_fills_up_while_writing(tmp_path):
    # A limit on the size of files stands in for a full disk: the write itself fails.
    np.savez(tmp_path / "set.npz", **any_arrays(num_clips=400))
    script = f"""
        import resource, signal
        from pathlib import Path
        from charon.data.prepare import prepare
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        prepare({str(tmp_path / "set.npz")!r}, Path({str(tmp_path / "cache")!r}))
    """
    done = run_python(script)
    assert done.returncode == 1
    assert "has no space left; free some, or choose another folder" in done.stderr
    assert left_behind(tmp_path) == []


def test_a_cache_folder_that_cannot_be_written_is_said(tmp_path):
    np.savez(tmp_path / "set.npz", **any_arrays())
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(DataError, match=r"The cache folder .*cache cannot be written \(File exi"):
        prepare(str(tmp_path / "set.npz"), tmp_path / "cache")
    with pytest.raises(DataError, match=r"cannot be written \(Not a directory\)"):
        prepare(str(tmp_path / "set.npz"), tmp_path / "cache" / "below")


def test_two_processes_prepare_the_same_set_once(tmp_path):
    np.savez(tmp_path / "set.npz", **any_arrays())
    script = f"""
        import time
        from pathlib import Path
        from charon.data.formats import plain_npz
        from charon.data import prepare
        read = plain_npz.PlainNpz.clips
        def slowly(self, workers):
            Path({str(tmp_path)!r}, "read").open("a").write("x")
            time.sleep(0.5)
            return read(self, workers)
        plain_npz.PlainNpz.clips = slowly
        archive = prepare.prepare({str(tmp_path / "set.npz")!r}, Path({str(tmp_path / "cache")!r}))
        print(archive.fingerprint)
    """
    processes = [start_python(script) for _ in range(3)]
    results = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], results
    assert len({stdout for stdout, _ in results}) == 1
    assert (tmp_path / "read").read_text() == "x"
    assert len(left_behind(tmp_path)) == 1


def test_what_a_killed_preparation_left_is_removed_by_the_next(from_source, tmp_path):
    final = tmp_path / "cache" / "killed"
    script = f"""
        import time
        from pathlib import Path
        from charon.data.cache.writer import build_folder
        with build_folder(Path({str(final)!r})) as folder:
            (folder / "frames.npy").write_text("half")
            print("building", flush=True)
            time.sleep(600)
    """
    process = start_python(script)
    assert process.stdout.readline() == "building\n"
    # While it lives, its folder stays, and others can prepare other sets.
    archive = from_source(ListSource(random_clips()))
    assert left_behind(tmp_path) == [".preparing-killed", archive.path.name]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    from_source(ListSource(random_clips(1), version="2"))
    assert ".preparing-killed" not in left_behind(tmp_path)


def test_an_interrupted_deletion_is_finished(from_source, tmp_path):
    (tmp_path / "cache" / ".removing-old" / "x").mkdir(parents=True)
    from_source(ListSource(random_clips()))
    assert ".removing-old" not in left_behind(tmp_path)


@pytest.mark.parametrize("name", ["gone.npz", "gone"])
def test_a_missing_path_is_said(tmp_path, name):
    with pytest.raises(DataError, match=rf"{name} does not exist; give a folder"):
        open_source(str(tmp_path / name))


def test_a_folder_of_a_user_who_is_not_known_does_not_exist():
    with pytest.raises(DataError, match=r"^~no-such-user/set\.npz does not exist; give a"):
        open_source("~no-such-user/set.npz")


def test_a_path_that_cannot_be_followed_is_said(tmp_path):
    (tmp_path / "round.npz").symlink_to("round.npz")
    message = r"round\.npz cannot be read: Too many levels of symbolic links\.$"
    with pytest.raises(DataError, match=message):
        open_source(str(tmp_path / "round.npz"))


def test_a_file_of_no_known_kind_is_said(tmp_path):
    (tmp_path / "set.csv").write_text("1,2")
    with pytest.raises(DataError, match=r"set\.csv is of no known kind; give a folder or a \.zip"):
        open_source(str(tmp_path / "set.csv"))


def test_an_option_of_skeleton_files_is_refused_elsewhere(tmp_path):
    np.savez(tmp_path / "set.npz", **any_arrays())
    for path in (str(tmp_path / "set.npz"), "standin"):
        with pytest.raises(
            DataError, match=r"data\.keep_gaps acts on a folder .* \.skeleton files"
        ):
            open_source(path, Reading(keep_gaps=True))


def test_the_standin_is_a_source_at_two_sizes_and_two_class_counts():
    sizes = {name: len(open_source(name)) for name in ("standin", "standin-120")}
    assert sizes["standin-120"] > sizes["standin"]
    assert len(open_source("standin-full")) == 56_578
    assert len(open_source("standin-120-full").description.class_names) == 120
