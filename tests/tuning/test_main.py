"""How a study's command ends: what it says once the trials have begun, and with which status."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from charon.tuning import closing
from charon.tuning.execution import runner
from charon.tuning.main import INTERRUPTED_STATUS, run_and_close
from charon.tuning.records.journal import FINISHED, Journal
from charon.tuning.session.options import Options


@pytest.mark.parametrize("where", ["run_study", "start_analysis", "show_analysis", "close"])
def test_whatever_is_interrupted_once_trials_have_begun_goes_on(tmp_path, monkeypatch, where):
    def step(name, result):
        def taken(*arguments):
            if name == where:
                raise KeyboardInterrupt
            return result

        return taken

    journal = Journal(tmp_path / "journal.jsonl")
    sender = SimpleNamespace(close=step("close", True))
    monkeypatch.setattr(runner, "run_study", step("run_study", (journal, sender)))
    monkeypatch.setattr(runner, "outcome_of", lambda *arguments: FINISHED)
    for name in ("start_analysis", "show_analysis"):
        monkeypatch.setattr(closing, name, step(name, True))
    session = SimpleNamespace(
        options=Options(results=tmp_path, extend=3),
        study=SimpleNamespace(is_search=False),
        folder=tmp_path,
        cluster=SimpleNamespace(stop=lambda: None),
    )
    said = io.StringIO()
    console = Console(file=said, soft_wrap=True)
    monkeypatch.setattr("sys.argv", ["some.py"])
    assert run_and_close(session, Path("some.py"), console) == INTERRUPTED_STATUS
    expected = f"go on with: python some.py --results {tmp_path} --resume\n"
    assert said.getvalue() == f"The study was interrupted; {expected}"
