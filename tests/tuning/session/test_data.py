"""The data that a study names, looked at before anything is started."""

import errno
import os
from pathlib import Path

import pytest
from tuning.session.test_options import STUDY

from charon.errors import DataError
from charon.tuning.session.options import parse_options
from charon.tuning.session.request import check_source


def test_what_is_there_is_not_opened_and_what_is_not_is_said(tmp_path):
    (tmp_path / "empty.npz").touch()
    check_source(str(tmp_path / "empty.npz"))
    check_source("standin")
    with pytest.raises(DataError, match=r"gone\.npz does not exist; give a folder or a \.zip"):
        check_source(str(tmp_path / "gone.npz"))


def test_a_path_below_a_folder_that_one_may_not_enter_is_said(tmp_path, monkeypatch):
    """Root, who may run the tests, may enter all of them, so the refusal is put there."""
    mine, stat = tmp_path / "closed" / "mine.npz", os.stat

    def refuse(path, *more, **options):
        if Path(path) == mine:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return stat(path, *more, **options)

    monkeypatch.setattr(os, "stat", refuse)
    data = parse_options(STUDY, ["--data", str(mine)]).data
    with pytest.raises(DataError, match=rf"^{mine} cannot be read: Permission denied\.$"):
        check_source(data)
