"""A study is one process's at a time, for as long as that lives and no longer."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from charon.tuning.records.folder import ResultsError
from charon.tuning.records.lock import lock_folder

WORKS_AND_STARTS_A_PROCESS = """
import pathlib, subprocess, sys
from charon.tuning.records.lock import lock_folder
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
