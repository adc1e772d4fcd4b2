"""Files are whole or not there, and JSON and CSV read back as they were."""

import csv
import errno

import pytest

from charon.errors import DataError
from charon.files import (
    read_json,
    remove_partial_files,
    whole_file,
    write_csv,
    write_json,
    write_text,
    writing_to,
)


def test_json_reads_back_and_holds_no_nan(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"symbol": "η", "values": [1, None]})
    assert read_json(path) == {"symbol": "η", "values": [1, None]}
    assert "η" in path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, float("nan"))
    assert read_json(path)["symbol"] == "η"


def test_csv_reads_back_with_none_as_an_empty_cell(tmp_path):
    write_csv(tmp_path / "a.csv", ["a", "b"], [["x, y", None], [1, 0.5]])
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["a", "b"], ["x, y", ""], ["1", "0.5"]]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):
        write_text(tmp_path / "a", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "full"), "The folder x has no space left; free some, or move on."),
        (OSError(errno.EACCES, "denied"), "The folder x cannot be written (denied); move on."),
    ],
)
def test_why_something_cannot_be_written_is_said_with_what_to_do(error, said):
    with pytest.raises(DataError) as raised, writing_to("The folder x", "move on", DataError):
        raise error
    assert str(raised.value) == said


def test_what_a_killed_process_left_of_a_file_is_removed_and_nothing_else(tmp_path):
    (tmp_path / "below").mkdir()
    kept = [tmp_path / ".hidden", tmp_path / "below" / ".a.txt", tmp_path / "b.1-0123abcd"]
    for path in kept:
        path.touch()
    with whole_file(tmp_path / "below" / "a.txt") as file:
        (left,) = {*(tmp_path / "below").iterdir()} - {*kept}
        file.write(b"half")
        left.with_name(left.name.replace("a.txt", "other.pt")).touch()
    remove_partial_files(tmp_path)
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {*kept, tmp_path / "below" / "a.txt"}
