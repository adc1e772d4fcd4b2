"""Where a study is tracked, and what cannot be used for it."""

import pytest
from mlflow import MlflowClient

from charon.errors import ConfigError
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
