"""Optuna's file is written whole, and never over a file that is not Optuna's."""

import sqlite3
from contextlib import closing

import optuna
import pytest
from tuning.driven_search import plan

from charon.tuning.records.folder import ResultsError
from charon.tuning.sampling.database import check_database, write_database


@pytest.fixture
def path(tmp_path):
    return tmp_path / "optuna.db"


def write(path, study=None):
    write_database(study or optuna.create_study(direction="maximize"), plan(), path.parent)


class Broken:
    """A study whose trials cannot be had, in the middle of writing it."""

    directions = ("maximize",)

    def get_trials(self, deepcopy):
        raise KeyboardInterrupt


def test_a_database_is_whole_under_its_name_and_alone(path):
    write(path)
    assert optuna.get_all_study_names(f"sqlite:///{path}") == ["study-1a2b3c4d"]
    assert list(path.parent.iterdir()) == [path]


def test_what_was_there_stays_after_an_error(path):
    write(path)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write(path, Broken())
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_database_that_cannot_be_written_is_one_sentence(path):
    with pytest.raises(ResultsError, match=r"optuna.db cannot be written \(.*--resume"):
        write(path.parent / "missing" / "optuna.db")


def test_no_file_and_a_file_of_optuna_are_fine(path):
    check_database(path)
    write(path)
    check_database(path)


def test_a_file_of_optuna_that_another_program_holds_is_fine_for_it_is_replaced(path):
    write(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        check_database(path)
        write(path)


@pytest.mark.parametrize("kept", [0, 50, 5000])
def test_a_damaged_file_of_optuna_is_fine_for_it_is_made_anew(path, kept):
    write(path)
    path.write_bytes(path.read_bytes()[:kept])
    check_database(path)


def test_a_file_that_is_no_database_is_refused_and_kept(path):
    path.write_text("my diary " * 1000)
    with pytest.raises(ResultsError, match="is not a database of Optuna"):
        check_database(path)
    assert path.read_text() == "my diary " * 1000


def test_another_programs_database_is_refused_and_kept(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(ResultsError, match="is not a database of Optuna"):
        check_database(path)
    assert path.read_bytes() == before
