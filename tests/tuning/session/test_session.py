"""What is refused at once, before anything is started, prepared or made."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tuning.session.test_resume import SEARCH, plan
from tuning.study_runs import write_clips

from charon.errors import CheckpointError, ConfigError, DataError
from charon.tuning.records.folder import ResultsError
from charon.tuning.records.lock import lock_folder
from charon.tuning.session import session
from charon.tuning.session.options import Options
from charon.tuning.session.session import open_session


@pytest.fixture(autouse=True)
def nothing_is_started(monkeypatch):
    def too_late(*arguments):
        pytest.fail("it was not refused at once")

    for name in ("Starting", "StudyClips", "make_schema"):
        monkeypatch.setattr(session, name, too_late)


def opened(results, study=SEARCH, **options):
    given = Options(results=results, **options)
    return open_session(study, given, Path("some.py"), Console(file=io.StringIO()))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"resume": True}, CheckpointError, "some holds no study to go on with"),
        ({"extend": 3}, CheckpointError, "some holds no study to go on with"),
        ({"data": "nowhere.npz"}, DataError, "nowhere.npz does not exist"),
        ({"settings": {"learner.alpha": 0.5}}, ConfigError, "varied by the study"),
        ({"tracking_uri": "ftp://x"}, ConfigError, "--tracking-uri"),
    ],
)
def test_what_is_refused_for_what_was_asked_leaves_nothing(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        opened(tmp_path / "results", **options)
    assert list(tmp_path.iterdir()) == []


def test_an_option_of_a_search_is_refused_for_a_grid_and_leaves_nothing(tmp_path):
    with pytest.raises(ConfigError, match="--extend is for searches"):
        opened(tmp_path / "results", replace(SEARCH, space={}, pruner="none"), extend=3)
    assert list(tmp_path.iterdir()) == []


def test_a_place_where_nothing_can_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    message = r"file/x cannot be written: .*/file is no folder; choose another folder with --res"
    with pytest.raises(ResultsError, match=message):
        opened(tmp_path / "file" / "x")
    with pytest.raises(
        ConfigError, match=r"database .*/file/x\.db cannot be written: .*file is no"
    ):
        opened(tmp_path / "results", tracking_uri=f"sqlite:///{tmp_path}/file/x.db")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_study_that_goes_on_with_other_data_is_refused_before_they_are_prepared(tmp_path):
    mine, other = (write_clips(tmp_path / name) for name in ("mine.npz", "other.npz"))
    options, fields = Options(data=str(mine)), {"data.path": str(mine), "data.evaluate_on": "val"}
    (tmp_path / "some").mkdir()
    plan(SEARCH, options, fields).write(tmp_path / "some")
    before = sorted(tmp_path.rglob("*"))
    message = rf"data\.path of .* was '{mine}', now '{other}'. Go on "
    for how in ({"resume": True}, {"extend": 3}):
        with pytest.raises(ConfigError, match=message):
            opened(tmp_path, data=str(other), **how)
    with pytest.raises(ConfigError, match=r"optimiser\.epochs of .* was 30, now 2"):
        opened(tmp_path, resume=True, settings={"optimiser.epochs": 2})
    assert sorted(tmp_path.rglob("*")) == before


def test_beside_a_study_that_runs_only_a_dry_run_may_look_into_its_folder(tmp_path, monkeypatch):
    folder = tmp_path / "some"
    folder.mkdir()
    plan(SEARCH, fields={"data.evaluate_on": "val"}).write(folder)
    lock_folder(folder)
    before = sorted(tmp_path.rglob("*"))
    # Before its first task nothing but the lock tells it from one that came to nothing.
    for how in ({}, {"resume": True}, {"extend": 3}):
        with pytest.raises(ResultsError, match="another process is at work on this study"):
            opened(tmp_path, **how)
    monkeypatch.setattr(session, "_open", lambda *arguments: "opened")
    assert opened(tmp_path, dry_run=True) == "opened"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dry_run_leaves_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "_open", lambda *arguments: "opened")
    assert opened(tmp_path / "results", dry_run=True) == "opened"
    assert list(tmp_path.iterdir()) == []
