"""Files are whole or not there, and JSON and CSV read back as they were."""

import csv
import errno

import pytest

from charon.errors import ConfigError, DataError
from charon.files import (
    parse_json,
    read_json,
    reading_from,
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


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_json_that_is_nested_too_deep_is_said(text):
    with pytest.raises(ValueError, match="it is nested too deep"):
        parse_json(text)


def test_half_a_character_is_refused_and_a_whole_one_is_read():
    assert parse_json(b'"\\ud83c\\udf89"') == "🎉"
    with pytest.raises(ValueError, match="surrogates not allowed"):
        parse_json('"\\ud800"')
    with pytest.raises(ValueError, match="can't decode"):
        parse_json(b'"\xed\xa0\x80"')


def test_json_is_read_to_a_limit(tmp_path):
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(ValueError, match="more than 64 MiB"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (IndexError("7"), r"a is truncated or damaged \(IndexError: 7\); copy it again\."),
        (RecursionError("x"), r"\(it is nested too deep\)"),
        (MemoryError(), r"\(it asks for too much memory\)"),
        (ValueError("a\x1b[2J\nb"), "\\(a\N{REPLACEMENT CHARACTER}\\[2J\\)"),
        (IsADirectoryError(21, "Is a directory"), r"a cannot be read \(Is a directory\); copy"),
        (ConfigError("wrong"), r"damaged \(wrong\)"),
        (DataError("as it is"), "^as it is$"),
    ],
)
def test_whatever_a_parser_raises_becomes_the_declared_error(error, said):
    with (
        pytest.raises(DataError, match=said),
        reading_from("a", "copy it again", DataError),
    ):
        raise error


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
