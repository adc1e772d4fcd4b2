"""The folder of results, checked before work starts, and locked."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys

import pytest
from other_user import as_nobody, common_folder

from charon.tuning.records.folder import (
    ResultsError,
    describe_write_error,
    lock_folder,
    try_writing,
    why_unwritable,
    writable_folder,
)
from charon.tuning.records.journal import Journal


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ResultsError, match=r"file.*--results DIR"):
        writable_folder(file)


def test_a_folder_can_be_checked_without_being_made(tmp_path):
    folder = tmp_path / "new" / "folder"
    assert writable_folder(folder, make=False) == folder
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match=r"file/x.*--results DIR"):
        writable_folder(tmp_path / "file" / "x", make=False)


def test_too_little_room_is_an_error(tmp_path):
    with pytest.raises(ResultsError, match="free"):
        writable_folder(tmp_path, need_bytes=1 << 60)


def test_trying_to_write_leaves_nothing_and_says_where_it_tried(tmp_path):
    assert try_writing(tmp_path / "new" / "folder") == tmp_path
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "number", "clause"),
    [
        # As in /proc, which takes no new folder and calls it a missing one.
        ("new/x", errno.ENOENT, "it does not exist and cannot be made in FOLDER"),
        ("x", errno.EACCES, "it does not exist and cannot be made in FOLDER (Permission denied)"),
        ("file/x", errno.ENOTDIR, "FOLDER/file is no folder"),
        ("file", errno.EEXIST, "FOLDER/file is no folder"),
        ("", errno.EROFS, "Read-only file system"),
    ],
)
def test_why_something_cannot_be_written_is_said_by_what_stands_there(
    tmp_path, path, number, clause
):
    (tmp_path / "file").touch()
    error = OSError(number, os.strerror(number))
    clause = clause.replace("FOLDER", str(tmp_path))
    assert why_unwritable(tmp_path / path, error) == clause
    assert describe_write_error(tmp_path / path, error) == (
        f"{tmp_path / path} cannot be written: {clause}; choose another folder with --results DIR."
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_called_that(tmp_path, number):
    error = OSError(number, os.strerror(number))
    assert describe_write_error(tmp_path, error) == (
        f"{tmp_path}: the disk is full; make room, then run again with --resume."
    )


# A study is one process's at a time, for as long as that lives and no longer.

WORKS_AND_STARTS_A_PROCESS = """
import pathlib, subprocess, sys
from charon.tuning.records.folder import lock_folder
lock_folder(pathlib.Path(sys.argv[1]))
child = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


def test_a_killed_process_frees_its_study_though_those_it_started_live_on(tmp_path):
    folder = tmp_path / "new" / "some"
    program = [sys.executable, "-c", WORKS_AND_STARTS_A_PROCESS, str(folder)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        try:
            message = r"new/some: another process is at work .* or start another .* --results DIR"
            with pytest.raises(ResultsError, match=message):
                lock_folder(folder)
            lock_folder(folder.with_name("other"))
            process.kill()
            process.wait()
            lock_folder(folder)
        finally:
            os.kill(child, 9)


def test_a_study_stays_taken_when_an_earlier_one_is_moved_out_of_its_folder(tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    lock_folder(folder)
    folder.rename(tmp_path / "some-earlier")
    folder.mkdir()
    with pytest.raises(ResultsError, match="another process"):
        lock_folder(folder)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_files_cannot_be_locked_the_study_goes_on(tmp_path, monkeypatch, number):
    def unsupported(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    lock_folder(tmp_path / "some")


def test_where_no_lock_can_be_made_the_study_goes_on(tmp_path):
    (tmp_path / ".some.lock").mkdir()
    lock_folder(tmp_path / "some")


def test_no_lock_on_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(ResultsError, match="the disk is full"):
        lock_folder(tmp_path / "some")


def test_another_user_at_work_on_the_study_is_seen():
    with common_folder() as common:
        lock_folder(common / "some")
        assert "another process is at work" in as_nobody(lambda: lock_folder(common / "some"))
        assert as_nobody(lambda: lock_folder(common / "other")) == ""


def test_a_folder_without_permission_is_one_sentence():
    with common_folder() as common:
        (common / "mine").mkdir(mode=0o755)
        said = as_nobody(lambda: writable_folder(common / "mine" / "results"))
    assert said == (
        f"ResultsError: {common}/mine/results cannot be written: it does not exist and cannot be "
        f"made in {common}/mine (Permission denied); choose another folder with --results DIR."
    )


@pytest.mark.parametrize(
    ("path", "clause"),
    [("x" * 300, "File name too long"), ("/".join(["x" * 200] * 30), "File name too long")],
)
def test_a_name_that_is_too_long_is_one_sentence(tmp_path, path, clause):
    with pytest.raises(ResultsError, match=rf"{clause}.* --results DIR"):
        writable_folder(tmp_path / path)


def test_a_folder_that_vanishes_is_one_sentence(tmp_path):
    """As with a mount: what was there is gone, and cannot be made where it was."""
    folder = tmp_path / "mount" / "results"
    journal = Journal(writable_folder(folder) / "journal.jsonl")
    journal.append("study", key="k", title="t", varied=[], tags={})
    shutil.rmtree(tmp_path / "mount")
    with pytest.raises(OSError) as raised:
        journal.append("time_up")
    assert describe_write_error(folder, raised.value) == (
        f"{folder} cannot be written: it does not exist and cannot be made in {tmp_path}; choose "
        "another folder with --results DIR."
    )
