"""The folder of results, checked before work starts."""

import pytest

from charon.tuning.files import ResultsError, writable_folder


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
