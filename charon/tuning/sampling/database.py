"""Optuna's SQLite file: written whole for its dashboard, never over a file that is not Optuna's."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import optuna
from sqlalchemy.exc import SQLAlchemyError

from charon.tuning.records.folder import ResultsError

DATABASE = "optuna.db"
"""File in a search's folder; ``optuna-dashboard sqlite:///PATH`` shows it."""

SQLITE = b"SQLite format 3\0"
"""How every SQLite file begins."""


@contextmanager
def new_database(path: Path) -> Iterator[optuna.storages.RDBStorage]:
    """Yield an empty database that takes the name ``path`` when the block ends without an error.

    Raises:
        ResultsError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        storage = open_database(temporary)
        yield storage
        storage.remove_session()
        storage.engine.dispose()
        temporary.replace(path)
    except (optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
        cause = error.__cause__ or error
        raise ResultsError(
            f"{path} cannot be written ({getattr(cause, 'orig', cause)}); go on with --resume when "
            "it can. What was learned is kept."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def open_database(path: Path) -> optuna.storages.RDBStorage:
    """Open Optuna's SQLite file, which is made if it does not exist."""
    # Optuna would write to the screen beside the study's log.
    optuna.logging.disable_default_handler()
    return optuna.storages.RDBStorage(f"sqlite:///{path}")


def check_database(path: Path) -> None:
    """Check that a search may write its database here; nothing is changed.

    A damaged database is no obstacle, for it is made anew.

    Raises:
        ResultsError: the file is not Optuna's.
    """
    if path.exists() and not _may_be_optunas(path):
        raise ResultsError(
            f"{path} is not a database of Optuna, and a search would write there; move it away, "
            "or choose another folder with --results DIR."
        )


def _may_be_optunas(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if file.read(len(SQLITE)) not in (SQLITE, b""):
                return False
        with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {name for (name,) in rows}
    except sqlite3.DatabaseError:
        return True  # damaged
    except OSError:
        return False
    return not tables or {"studies", "trials", "version_info"} <= tables
