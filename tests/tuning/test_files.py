"""The folder of results, checked before work starts."""

import pytest

from charon.tuning.files import ResultsError, writable_folder


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ResultsError, match=r"file.*--results DIR"):
        writable_folder(file)


def test_too_little_room_is_an_error(tmp_path):
    with pytest.raises(ResultsError, match="free"):
        writable_folder(tmp_path, need_bytes=1 << 60)
