"""Numbers of a command line: what is read, and how all else is refused."""

import argparse
import os

import pytest

from charon.arguments import check_paths, positive, whole_number
from charon.errors import ConfigError


def test_numbers_are_read():
    assert whole_number(0)("0") == 0
    assert whole_number(2)("17") == 17
    assert positive("0.5") == 0.5


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (whole_number(1), "0", "must be a whole number of at least 1, but got '0'"),
        (whole_number(0), "2.5", "must be a whole number of at least 0, but got '2.5'"),
        (positive, "0", "must be above 0, but got 0"),
        (positive, "inf", "must be above 0, but got inf"),
        (positive, "nan", "must be above 0, but got nan"),
        (positive, "soon", "must be a number, but got 'soon'"),
    ],
)
def test_what_is_no_such_number_is_refused_with_what_is_expected(read, text, message):
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        read(text)
    assert str(refused.value) == message


def test_a_word_that_is_not_utf8_is_refused_in_one_sentence(tmp_path, monkeypatch):
    check_paths(["--data", tmp_path / "опыт η", ""])
    odd = os.fsdecode(b"results/\xff")
    with pytest.raises(ConfigError, match="results/\N{REPLACEMENT CHARACTER} is not UTF-8"):
        check_paths(["--results", odd])
    (tmp_path / os.fsdecode(b"\xff")).mkdir()
    monkeypatch.chdir(tmp_path / os.fsdecode(b"\xff"))
    with pytest.raises(ConfigError, match="is not UTF-8"):
        check_paths([])


def test_a_working_folder_that_is_gone_is_said(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(ConfigError, match="The working folder is gone"):
        check_paths([])
