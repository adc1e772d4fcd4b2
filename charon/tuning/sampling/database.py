"""Optuna's SQLite file: made whole and once, and refused in one sentence where it is not ours."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import optuna

from charon.tuning.records.folder import ResultsError, locked

DATABASE = "optuna.db"
"""File in a search's folder; ``optuna-dashboard sqlite:///PATH`` shows it."""

WAIT_SECONDS = 30
"""How long a search waits for another program to let go of the file."""

CHECK_SECONDS = 5.0
"""The same before the search begins."""


def open_database(path: Path) -> optuna.storages.RDBStorage:
    """Open Optuna's SQLite file, making it whole and once if it does not exist.

    Raises:
        ResultsError: it is of another version of Optuna.
    """
    # Imported late, Optuna would write to the screen beside the study's log.
    optuna.logging.disable_default_handler()
    if not path.exists():
        with locked(path.with_name(f".{path.name}.lock")):
            if not path.exists():
                temporary = path.with_name(f".{path.name}.{os.getpid()}")
                temporary.unlink(missing_ok=True)
                storage = _storage(temporary)
                storage.remove_session()
                storage.engine.dispose()
                temporary.replace(path)
    return _storage(path)


def check_database(path: Path) -> None:
    """Check that a search can use this file; nothing in it is changed.

    Raises:
        ResultsError: it is no database of Optuna, of another version, or locked.
    """
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=CHECK_SECONDS)) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {name for (name,) in found}
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.OperationalError as error:
        raise ResultsError(_locked(path, str(error))) from error
    except sqlite3.DatabaseError as error:
        raise ResultsError(_foreign(path)) from error
    if not {"studies", "trials", "version_info"} <= tables:
        raise ResultsError(_foreign(path))
    open_database(path).engine.dispose()


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Say in one sentence that the file could not be written, should that happen in the block.

    Raises:
        ResultsError: instead of Optuna's error.
    """
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        cause = error.__cause__ or error
        raise ResultsError(_locked(path, str(getattr(cause, "orig", cause)))) from error


def _locked(path: Path, problem: str) -> str:
    return (
        f"{path} cannot be written ({problem}): another program may hold it; end that program, "
        "then go on with --resume. What was learned is kept."
    )


def _foreign(path: Path) -> str:
    return (
        f"{path} is not a database of Optuna, and a search would write there; move it away, or "
        "choose another folder with --results DIR."
    )


def _storage(path: Path) -> optuna.storages.RDBStorage:
    try:
        return optuna.storages.RDBStorage(
            f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": WAIT_SECONDS}}
        )
    except RuntimeError as error:
        raise ResultsError(
            f"{path} was made by another version of Optuna than this, {optuna.__version__}: "
            "go on with that version, or start anew in another folder with --results DIR."
        ) from error
