"""Optuna's file is refused in one sentence where a search could not write it, and kept."""

import sqlite3
from contextlib import closing

import optuna
import pytest

from charon.tuning.records.folder import ResultsError
from charon.tuning.sampling import database
from charon.tuning.sampling.database import check_database, explaining, open_database


def test_no_file_and_a_file_of_optuna_are_fine(tmp_path):
    check_database(tmp_path / "optuna.db")
    open_database(tmp_path / "optuna.db")
    check_database(tmp_path / "optuna.db")


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path):
    path = tmp_path / "optuna.db"
    path.write_text("my diary " * 1000)
    with pytest.raises(ResultsError, match="is not a database of Optuna"):
        check_database(path)
    assert path.read_text() == "my diary " * 1000


def test_another_programs_database_is_refused_and_kept(tmp_path):
    path = tmp_path / "optuna.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(ResultsError, match="is not a database of Optuna"):
        check_database(path)
    assert path.read_bytes() == before


def test_a_database_of_another_version_is_refused(tmp_path):
    path = tmp_path / "optuna.db"
    open_database(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v99.0.0.a'")
        connection.commit()
    with pytest.raises(ResultsError, match="another version of Optuna"):
        check_database(path)


def test_a_locked_database_is_refused_and_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "CHECK_SECONDS", 0.1)
    path = tmp_path / "optuna.db"
    open_database(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ResultsError, match=r"database is locked.*--resume"):
            check_database(path)


def test_a_database_that_becomes_locked_is_explained(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.1)
    path = tmp_path / "optuna.db"
    study = optuna.create_study(storage=open_database(path))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for use in (study.ask, lambda: study.trials):
            with pytest.raises(ResultsError, match=r"locked.*--resume"), explaining(path):
                use()
