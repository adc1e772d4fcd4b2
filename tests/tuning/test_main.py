"""The steps of a study: what is refused before anything is started, and how a command ends."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tuning.session.test_resume import SEARCH, plan
from tuning.study_runs import write_clips

from charon.errors import CheckpointError, ConfigError, DataError
from charon.tuning.main import INTERRUPTED_STATUS, checked_store, report_outcome, say_interrupted
from charon.tuning.records.folder import ResultsError
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, Journal
from charon.tuning.session.options import Options
from charon.tuning.session.request import make_request


def requested(results, study=SEARCH, **options):
    """Take a study's first two steps, which leave nothing: what is wrong is refused there."""
    request = make_request(study, Options(results=results, **options), Path("some.py"))
    return request, checked_store(request)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"extend": 3}, CheckpointError, "some holds no study to extend"),
        ({"data": "nowhere.npz"}, DataError, "nowhere.npz does not exist"),
        ({"settings": {"learner.alpha": 0.5}}, ConfigError, "varied by the study"),
        ({"tracking_uri": "ftp://x"}, ConfigError, "--tracking-uri"),
    ],
)
def test_what_is_refused_for_what_was_asked_leaves_nothing(tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        requested(tmp_path / "results", **options)
    assert list(tmp_path.iterdir()) == []


def test_resume_begins_a_study_that_has_not_begun_and_names_the_folder_it_looked_in(tmp_path):
    request, _ = requested(tmp_path / "results", resume=True, trials=5)
    assert request.notice == (
        f"There is no study in {tmp_path}/results/some to go on with, so it begins there now."
    )
    assert (request.resumed, request.options) == (None, Options(results=request.results, trials=5))
    assert requested(tmp_path / "results")[0].notice == ""


def test_resume_says_nothing_of_it_where_there_is_a_study(tmp_path):
    (tmp_path / "some").mkdir()
    plan(SEARCH, fields={"data.evaluate_on": "val"}).write(tmp_path / "some")
    request, _ = requested(tmp_path, resume=True)
    assert (request.notice, request.options.resume) == ("", True)


def test_a_place_where_nothing_can_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    message = r"file/x cannot be written: .*/file is no folder; choose another folder with --res"
    with pytest.raises(ResultsError, match=message):
        requested(tmp_path / "file" / "x")
    with pytest.raises(
        ConfigError, match=r"database .*/file/x\.db cannot be written: .*file is no"
    ):
        requested(tmp_path / "results", tracking_uri=f"sqlite:///{tmp_path}/file/x.db")
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
            requested(tmp_path, data=str(other), **how)
    with pytest.raises(ConfigError, match=r"optimiser\.epochs of .* was 30, now 2"):
        requested(tmp_path, resume=True, settings={"optimiser.epochs": 2})
    assert sorted(tmp_path.rglob("*")) == before


def said(step):
    """Return what a step returns that is given a console, and what it says there."""
    out = io.StringIO()
    return step(Console(file=out, soft_wrap=True)), out.getvalue()


def test_whatever_is_interrupted_once_trials_have_begun_says_how_to_resume():
    status, text = said(lambda console: say_interrupted("python s.py", console))
    assert status == INTERRUPTED_STATUS
    assert text == "The study was interrupted; go on with: python s.py\n"


def test_the_command_that_resumes_an_extended_study_does_not_extend_it_again(tmp_path, monkeypatch):
    (tmp_path / "some").mkdir()
    plan(SEARCH, fields={"data.evaluate_on": "val"}).write(tmp_path / "some")
    monkeypatch.setattr("sys.argv", ["some.py"])
    request, _ = requested(tmp_path, extend=3)
    again = replace(request, options=replace(request.options, extend=None))
    assert again.resume_command == f"python some.py --results {tmp_path} --resume"


@pytest.mark.parametrize(
    ("outcome", "analysed", "status"),
    [
        (FINISHED, True, 0),
        (FINISHED, False, 1),
        (FAILED, True, 1),
        (INTERRUPTED, True, INTERRUPTED_STATUS),
    ],
)
def test_the_exit_status_says_how_a_study_has_ended(tmp_path, outcome, analysed, status):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append("trial", "a", label="the first", fields={}, tags={})
    journal.append("end", "a", outcome=FAILED, error="No more room.")

    def step(console):
        return report_outcome(outcome, journal, "python s.py", console, analysed=analysed)

    assert said(step)[0] == status
    assert said(step)[1].startswith("the first failed: No more room.\n")
