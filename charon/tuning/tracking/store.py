"""Where a study is tracked: an SQLite file beside the results, or a server.

MLflow's own default is relative to the working directory, and its file store is gone.
"""

import errno
import fcntl
import os
import sys
import tempfile
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from charon.errors import ConfigError
from charon.files import whole_file
from charon.text import first_line, shown
from charon.tuning.records.folder import try_writing, why_unwritable
from charon.tuning.tracking.view import RUNS_PAGE

SQLITE = "sqlite:///"

URI_VARIABLE = "MLFLOW_TRACKING_URI"
"""MLflow's own variable, which a study respects where ``--tracking-uri`` is not given."""

CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
"""MLflow's own variables of who asks: a name with a password, or a token."""

SIGN_IN = "set {} and {}, or {}".format(*CREDENTIALS)

OK, REFUSALS = 200, (401, 403)
"""Status of an answer."""


class SentState(TypedDict):
    """``tracking.json``: where a study's events were sent, and how many."""

    uri: str
    position: int
    experiment_id: NotRequired[str]


@dataclass(frozen=True)
class Store:
    """A tracking URI and where a new experiment keeps its artifacts.

    Attributes:
        uri: ``sqlite:///`` with an absolute path, or a server's.
        artifacts: folder for artifacts; None leaves it to the server.
    """

    uri: str
    artifacts: str | None

    @property
    def is_remote(self) -> bool:
        """Whether it is a server, reached over the network."""
        return self.uri.startswith(("http://", "https://"))

    @property
    def file(self) -> Path | None:
        """The database's file; None for a server."""
        return Path(self.uri.removeprefix(SQLITE)) if self.uri.startswith(SQLITE) else None

    def page(self, experiment_id: str, port: int = 5000) -> str:
        """Return the address of an experiment's trials, or of all without an experiment.

        Args:
            experiment_id: MLflow's number; empty for none.
            port: of a server on this machine.
        """
        root = self.uri.rstrip("/") + "/" if self.is_remote else f"http://127.0.0.1:{port}/"
        return root + (RUNS_PAGE.format(experiment=experiment_id) if experiment_id else "")

    def server(self, port: int) -> list[str]:
        """Return the command that serves the pages on this machine, with ``environment``."""
        mlflow = str(Path(sys.executable).parent / "mlflow")
        place = ["--host", "127.0.0.1", "--port", str(port)]
        return [mlflow, "server", "--workers", "1", *place, "--backend-store-uri", self.uri]

    @property
    def environment(self) -> dict[str, str]:
        """Of the server: without the processes of a feature that is not used here."""
        return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}

    def artifacts_of(self, experiment: str) -> str | None:
        """Return the folder for the artifacts of a new experiment, or None."""
        return self.artifacts and f"{self.artifacts}/{experiment}"

    def moved_from(self, old_folder: str, experiment: str) -> bool:
        """Whether artifacts once kept in ``old_folder`` were moved here with the database."""
        new_folder = self.artifacts_of(experiment)
        if self.file is None or new_folder is None or old_folder == new_folder:
            return False
        old, new = Path(old_folder), Path(new_folder)
        return old.parts[-2:] == new.parts[-2:] and (new.exists() or not old.exists())


def choose_store(uri: str | None, results: Path) -> Store:
    """Return the store for ``--tracking-uri``; None is an SQLite file in ``results``, absolute.

    Raises:
        ConfigError: the kind of URI is not supported, it has a password, or a path cannot be a part
            of one.
    """
    _refuse_password(uri)
    store = _choose_store(uri, results)
    if not store.is_remote:
        for place in filter(None, (store.file, store.artifacts)):
            if special := sorted({*"?#%"} & {*str(place)}):
                raise ConfigError(
                    f"{place} cannot be used by MLflow, to which {' and '.join(special)} in a path "
                    "mean something else: choose another folder with --results DIR, or name a "
                    "server with --tracking-uri."
                )
    return store


def _refuse_password(uri: str | None) -> None:
    """Raise a ConfigError, without the password, for a URI that has one."""
    try:
        parts = urllib.parse.urlsplit(uri or "")
        password = parts.password
    except ValueError:  # no URI, as is said later
        return
    if password is not None:
        place = "--tracking-uri" if uri != os.environ.get(URI_VARIABLE) else URI_VARIABLE
        raise ConfigError(
            f"{place} has a password, and the URI is written into results and messages: leave it "
            f"out. For a server, {SIGN_IN}; a database reads its own file or variable "
            "(~/.pgpass, PGPASSWORD, ~/.my.cnf)."
        )


def _choose_store(uri: str | None, results: Path) -> Store:
    if uri is None:
        return Store(f"{SQLITE}{results / 'mlflow.db'}", str(results / "mlartifacts"))
    named = f"--tracking-uri {shown(uri, quoted=False)}"
    if uri == os.environ.get(URI_VARIABLE):
        named = f"{URI_VARIABLE}={shown(uri, quoted=False)}"
    scheme = urllib.parse.urlsplit(uri).scheme
    if scheme == "sqlite":
        if not uri.startswith(SQLITE):
            path = uri.partition(":")[2].removeprefix("//")
            raise ConfigError(
                f"{named} names no SQLite file; three slashes stand before its path: "
                f"{SQLITE}{shown(path, quoted=False)}."
            )
        file = Path(uri.removeprefix(SQLITE)).expanduser().absolute()
        return Store(f"{SQLITE}{file}", str(file.parent / "mlartifacts"))
    if scheme in ("http", "https"):
        return Store(uri, None)
    if scheme.partition("+")[0] in ("postgresql", "mysql", "mssql"):
        return Store(uri, str(results / "mlartifacts"))
    raise ConfigError(
        f"{named} is of a kind that MLflow no longer takes or never took; "
        "give sqlite:///FILE or the http(s) address of an MLflow server."
    )


def check_file(store: Store) -> None:
    """Check early that an SQLite file can be written; nothing is left behind.

    Raises:
        ConfigError: the file cannot be written.
    """
    if store.file is None:
        return
    try:
        if store.file.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(store.file))
        try_writing(store.file.parent)
    except OSError as error:
        raise _unwritable(store.file, error) from error


def make_schema(store: Store) -> None:
    """Make the tables of a new SQLite file, wholly and once, even if two studies do so at a time.

    Raises:
        ConfigError: the file cannot be written.
    """
    file = store.file
    if file is None or file.exists():
        return
    # Imported here because MLflow reads the environment when it is imported.
    from mlflow import MlflowClient

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.with_name(f".{file.name}.lock").open("w")
        with lock, tempfile.TemporaryDirectory() as folder:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if file.exists():
                return
            made = Path(folder) / "mlflow.db"
            MlflowClient(f"{SQLITE}{made}").search_experiments(max_results=1)
            with whole_file(file) as copy:
                copy.write(made.read_bytes())
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"MLflow's database {file} cannot be written: {why_unwritable(file, error)}; choose "
        "another folder with --results DIR, or another --tracking-uri."
    )


def how_to_sign_in() -> str:
    """Return what to do where a server lets nobody in, as the end of a sentence."""
    known = [name for name in CREDENTIALS if os.environ.get(name)]
    return f"it does not accept what is in {' and '.join(known)}" if known else SIGN_IN


def check_answers(store: Store) -> str:
    """Return an empty text if the store answers, else a sentence that says it does not.

    MLflow's own variables for authentication and TLS hold.
    """
    if not store.is_remote:
        return ""
    # Imported here, as above.
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    later = "the study goes on and sends its events when {}, or with the next --resume."
    try:
        answer = http_request(
            get_default_host_creds(store.uri.rstrip("/")),
            "/api/2.0/mlflow/experiments/search",
            "POST",
            json={"max_results": 1},
            max_retries=0,
            timeout=5.0,
            raise_on_status=False,
        )
    except (MlflowException, OSError, ValueError) as error:
        return (
            f"The MLflow server at {store.uri} does not answer ({first_line(error)}); "
            f"{later.format('the server is back')}"
        )
    if answer.status_code in REFUSALS:
        return (
            f"The MLflow server at {store.uri} refuses (status {answer.status_code}): "
            f"{how_to_sign_in()}; {later.format('it is let in')}"
        )
    if answer.status_code != OK:
        return (
            f"{store.uri} does not answer as an MLflow server does (status {answer.status_code}); "
            f"{later.format('one is there')}"
        )
    return ""
