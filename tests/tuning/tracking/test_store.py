"""Where a study is tracked, and what cannot be used for it."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from charon.errors import ConfigError
from charon.tuning.tracking.runs import is_temporary
from charon.tuning.tracking.store import Store, check_answers, check_file, choose_store, make_schema


@pytest.mark.parametrize("check", [check_file, make_schema])
def test_a_database_that_cannot_be_made_is_one_sentence(tmp_path, check):
    (tmp_path / "file").write_text("")
    store = choose_store(f"sqlite:///{tmp_path}/file/mlflow.db", tmp_path)
    message = r"mlflow\.db cannot be written: .*/file is no folder; .*--tracking-uri"
    with pytest.raises(ConfigError, match=message):
        check(store)


def test_a_database_is_checked_before_it_is_made_and_nothing_is_left(tmp_path):
    check_file(choose_store(None, tmp_path / "results"))
    check_file(choose_store("http://host:5000", tmp_path))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match="cannot be written: it is a folder; "):
        check_file(choose_store(f"sqlite:///{tmp_path}", tmp_path))


def test_a_new_database_is_whole_and_made_once(tmp_path):
    store = choose_store(None, tmp_path / "results")
    make_schema(store)
    written = store.file.stat().st_mtime_ns
    make_schema(store)
    assert store.file.stat().st_mtime_ns == written
    assert len(MlflowClient(store.uri).search_experiments()) == 1
    assert {path.name for path in store.file.parent.iterdir()} == {"mlflow.db", ".mlflow.db.lock"}


def test_a_server_that_is_away_is_said_before_the_study_starts():
    assert "does not answer" in check_answers(Store("http://127.0.0.1:9", None))


def test_the_default_is_a_file_beside_the_results_with_an_absolute_path(tmp_path):
    store = choose_store(None, tmp_path)
    assert store.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert str(tmp_path) in store.artifacts


def test_a_relative_database_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert choose_store("sqlite:///some.db", tmp_path).file == tmp_path / "some.db"


@pytest.mark.parametrize(
    ("uri", "right"),
    [
        ("sqlite:foo.db", "sqlite:///foo.db"),
        ("sqlite://foo.db", "sqlite:///foo.db"),
        ("sqlite:/tmp/foo.db", "sqlite:////tmp/foo.db"),
        ("SQLite:///foo.db", "sqlite:////foo.db"),
    ],
)
def test_a_database_without_its_three_slashes_is_refused_with_the_right_form(uri, right, tmp_path):
    with pytest.raises(ConfigError, match=rf"^--tracking-uri {uri} names .*: {right}\.$"):
        choose_store(uri, tmp_path)


@pytest.mark.parametrize("uri", ["file:///tmp/mlruns", "mlruns", "databricks", "ftp://host"])
def test_a_kind_of_uri_that_cannot_be_used_is_refused(uri, tmp_path):
    with pytest.raises(ConfigError, match="sqlite:///FILE"):
        choose_store(uri, tmp_path)


def test_a_uri_of_mlflows_own_variable_is_named_by_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:///tmp/mlruns")
    with pytest.raises(ConfigError, match=r"^MLFLOW_TRACKING_URI=file:///tmp/mlruns is of a kind"):
        choose_store("file:///tmp/mlruns", tmp_path)


class Guarded(BaseHTTPRequestHandler):
    """An MLflow server that lets in who has the right header, and notes what it was given."""

    right = ""
    status = 200

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        is_right = self.headers.get("Authorization", "") == self.right
        self.send_response(self.status if is_right else 401)
        self.end_headers()
        self.wfile.write(json.dumps({}).encode())

    def log_message(self, *words):
        pass


@pytest.fixture
def guarded(monkeypatch):
    """Return a server's store, and a function that says what it lets in."""
    for name in ("USERNAME", "PASSWORD", "TOKEN"):
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}", raising=False)
    monkeypatch.setenv("HOME", "/nowhere")  # MLflow reads ~/.mlflow/credentials, too
    server = HTTPServer(("127.0.0.1", 0), Guarded)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()

    def lets_in(header, status=200):
        monkeypatch.setattr(Guarded, "right", header)
        monkeypatch.setattr(Guarded, "status", status)

    yield Store(f"http://127.0.0.1:{server.server_port}", None), lets_in
    server.shutdown()
    thread.join()
    server.server_close()


BASIC = "Basic " + base64.b64encode(b"me:secret").decode()


def test_mlflows_own_variables_sign_in(guarded, monkeypatch):
    store, lets_in = guarded
    lets_in("")
    assert check_answers(store) == ""
    lets_in(BASIC)
    refused = check_answers(store)
    assert refused.startswith(f"The MLflow server at {store.uri} refuses (status 401): set MLFLOW_")
    assert refused.endswith("with the next --resume.")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "me")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    assert check_answers(store) == ""
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0k3n")
    assert "it does not accept what is in MLFLOW_TRACKING_TOKEN; the study" in check_answers(store)
    lets_in("Bearer t0k3n")
    assert check_answers(store) == ""


def test_another_server_is_said(guarded):
    store, lets_in = guarded
    lets_in("", status=404)
    assert "does not answer as an MLflow server does (status 404)" in check_answers(store)


def test_what_a_server_refuses_can_be_sent_later(guarded, monkeypatch):
    store, lets_in = guarded
    lets_in(BASIC)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(MlflowException) as refused:
        MlflowClient(store.uri).search_experiments(max_results=1)
    assert is_temporary(refused.value)  # and so nothing is skipped


@pytest.mark.parametrize("name", ["a?b", "a#b", "100%"])
def test_a_folder_whose_name_means_something_else_in_a_uri_is_refused(tmp_path, name):
    for uri in (None, f"sqlite:///{tmp_path / name}/mlflow.db"):
        with pytest.raises(ConfigError, match=r"cannot be used by MLflow.* --results DIR"):
            choose_store(uri, tmp_path / name)
    assert choose_store("http://host/?a#b", tmp_path).is_remote


def test_a_folder_of_any_other_name_can_be_used(tmp_path):
    folder = tmp_path / "mit Leerzeichen" / "опыт η 動作 & 'x'"
    store = choose_store(None, folder)
    make_schema(store)
    client = MlflowClient(store.uri)
    experiment = client.create_experiment("some", store.artifacts_of("some"))
    run = client.create_run(experiment)
    client.log_artifact(run.info.run_id, __file__)
    assert [path.name for path in folder.rglob("*.py")] == ["test_store.py"]


@pytest.mark.parametrize(
    "uri", ["http://me:s3cret@host:5000", "postgresql+psycopg2://me:s3cret@host/db"]
)
@pytest.mark.parametrize("by_variable", [False, True])
def test_a_password_in_a_uri_is_refused_and_not_repeated(tmp_path, monkeypatch, uri, by_variable):
    if by_variable:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ConfigError, match="has a password") as refused:
        choose_store(uri, tmp_path)
    assert "s3cret" not in str(refused.value)
    assert ("MLFLOW_TRACKING_URI has" in str(refused.value)) == by_variable
