"""Where a study is tracked: an SQLite file beside the results, or a server.

MLflow's own default is relative to the working directory, and its file store is gone.
"""

import errno
import os
import shutil
import sqlite3
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from charon.errors import ConfigError
from charon.tuning.cluster.cluster import tool
from charon.tuning.records.folder import locked, try_writing, why_unwritable
from charon.tuning.tracking.view import RUNS_PAGE

ANSWER_SECONDS = 5.0

MEMORY_FOLDER = "/dev/shm"

SCHEMA_BYTES = 10_000_000
"""Ten times what the empty tables take."""


@dataclass(frozen=True)
class Store:
    """A tracking URI and where a new experiment keeps its artifacts.

    Attributes:
        uri: ``sqlite:///`` with an absolute path, or what a server has.
        artifacts: folder for artifacts; None leaves it to the server.
    """

    uri: str
    artifacts: str | None

    @property
    def is_remote(self) -> bool:
        """Whether a server is asked over the network."""
        return self.uri.startswith(("http://", "https://"))

    @property
    def file(self) -> Path | None:
        """The database's file, if it is one."""
        return Path(self.uri[len("sqlite:///") :]) if self.uri.startswith("sqlite:///") else None

    def page(self, experiment_id: str) -> str:
        """Return the address of the trials' page."""
        root = self.uri.rstrip("/") + "/" if self.is_remote else "http://127.0.0.1:5000/"
        return root + RUNS_PAGE.format(experiment=experiment_id)

    def command(self) -> str | None:
        """Return the command that opens the UI; None for a server that runs already."""
        if self.is_remote:
            return None
        return (
            f"MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false {tool('mlflow')} server --workers 1 "
            f"--host 127.0.0.1 --port 5000 --backend-store-uri '{self.uri}'"
        )


def choose_store(uri: str | None, results: Path) -> Store:
    """Return the store for ``--tracking-uri``.

    Args:
        uri: what the user gave; None is an SQLite file in ``results``.
        results: absolute folder of all results.

    Raises:
        ConfigError: the kind of URI cannot be used.
    """
    if uri is None:
        return Store(f"sqlite:///{results / 'mlflow.db'}", str(results / "mlartifacts"))
    scheme = urllib.parse.urlsplit(uri).scheme
    if scheme == "sqlite":
        if not uri.startswith("sqlite:///"):
            path = uri.partition(":")[2].removeprefix("//")
            raise ConfigError(
                f"--tracking-uri {uri} names no SQLite file; three slashes stand before its path: "
                f"sqlite:///{path}."
            )
        file = Path(uri[len("sqlite:///") :]).expanduser().absolute()
        return Store(f"sqlite:///{file}", str(file.parent / "mlartifacts"))
    if scheme in ("http", "https"):
        return Store(uri, None)
    if scheme.partition("+")[0] in ("postgresql", "mysql", "mssql"):
        return Store(uri, str(results / "mlartifacts"))
    raise ConfigError(
        f"--tracking-uri {uri} is of a kind that MLflow no longer takes or never took; "
        "give sqlite:///FILE or the http(s) address of an MLflow server."
    )


def check_file(store: Store) -> None:
    """Check that an SQLite file can be written, before what takes longer; nothing is left.

    Raises:
        ConfigError: it cannot.
    """
    if store.file is None:
        return
    try:
        if store.file.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(store.file))
        try_writing(store.file.parent)
    except OSError as error:
        raise ConfigError(_unwritable(store.file, error)) from error


def make_schema(store: Store) -> None:
    """Make the tables of a new SQLite file, whole and once, whoever else does the same.

    Raises:
        ConfigError: the file cannot be written.
    """
    if store.file is None or store.file.exists():
        return
    try:
        _make_database(store.file, store.artifacts)
    except OSError as error:
        raise ConfigError(_unwritable(store.file, error)) from error


def _unwritable(file: Path, error: OSError) -> str:
    return (
        f"MLflow's database {file} cannot be written: {why_unwritable(file, error)}; choose "
        "another folder with --results DIR, or another --tracking-uri."
    )


def _make_database(file: Path, artifacts: str | None) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    file.parent.mkdir(parents=True, exist_ok=True)
    with locked(file.with_name(f".{file.name}.lock")):
        if file.exists():
            return
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        with tempfile.TemporaryDirectory(dir=_memory_folder()) as quick:
            made = Path(quick) / "mlflow.db"
            SqlAlchemyStore(f"sqlite:///{made}", artifacts).engine.dispose()
            shutil.copyfile(made, temporary)
        temporary.replace(file)


def follow_artifacts(file: Path, experiment_id: str, old: str, new: str) -> None:
    """Tell an SQLite file where an experiment's artifacts are that were moved together with it.

    MLflow writes absolute paths down and has no call that changes them, so that it would make
    the old folder anew for what comes next. Artifacts that were kept elsewhere stay there.

    Args:
        file: MLflow's database.
        experiment_id: whose artifacts.
        old: their root, as it is written down.
        new: their root beside the database.
    """
    same_kind = Path(old).parts[-2:] == Path(new).parts[-2:]
    came_along = Path(new).exists() or not Path(old).exists()
    if old == new or not same_kind or not came_along:
        return
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?",
            (new, experiment_id),
        )
        database.execute(
            "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) "
            "WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
            (new, len(old) + 1, experiment_id, len(old) + 1, f"{old}/"),
        )


def _memory_folder() -> str | None:
    """Return a folder in memory if there is one with room.

    MLflow makes its tables in 71 commits, and each of them waits for a disk: four seconds.
    """
    if not os.access(MEMORY_FOLDER, os.W_OK):
        return None
    return MEMORY_FOLDER if shutil.disk_usage(MEMORY_FOLDER).free >= SCHEMA_BYTES else None


def check_answers(store: Store) -> str:
    """Return an empty text if the store answers, else one sentence that says it does not."""
    if not store.is_remote:
        return ""
    try:
        urllib.request.urlopen(store.uri.rstrip("/") + "/health", timeout=ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        return (
            f"The MLflow server at {store.uri} does not answer ({error}); the study goes on "
            "and sends its events when the server is back, or with the next --resume."
        )
    return ""
