"""The last words of a study."""

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console
from tuning.fakes import journal_of_sharing

from charon.tuning.closing import close, saved_lines
from charon.tuning.records.journal import FINISHED, Journal
from charon.tuning.tracking.store import choose_store


def test_the_end_of_a_study_says_what_was_saved(tmp_path):
    """Trials of methods that cannot share are not counted."""
    journal = journal_of_sharing(tmp_path, [0.0, 90.0, 60.0, None])
    assert saved_lines(journal) == ["First task reused in 2 of 3 trials, 2.5 minutes saved."]


def test_a_study_that_does_not_share_says_nothing(tmp_path):
    assert saved_lines(journal_of_sharing(tmp_path, [None])) == []


@pytest.mark.parametrize("is_search", [True, False])
def test_a_study_ends_with_its_analysis_and_the_places_of_its_results(tmp_path, is_search):
    (tmp_path / "faa.png").touch()
    if is_search:
        (tmp_path / "winner.json").write_text(json.dumps({}))
    study = SimpleNamespace(
        folder=tmp_path,
        cache=Path("/sets"),
        cpus=1.0,
        store=choose_store(None, tmp_path),
        journal=Journal(tmp_path / "journal.jsonl"),
    )
    sender = SimpleNamespace(
        close=lambda: True, experiment_id="7", missing_lines=lambda *, all_sent: []
    )
    analysis = subprocess.Popen(
        [sys.executable, "-c", "print('a table')"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out = io.StringIO()
    console = Console(file=out, soft_wrap=True)
    assert close(study, sender, analysis, FINISHED, console)
    (end,) = study.journal.of_kind("study_end")
    assert end["outcome"] == FINISHED
    assert end["artifacts"][-1] == str(tmp_path / "faa.png")
    said = out.getvalue().splitlines()
    assert said[:4] == ["", "a table", "", f"Figure         {tmp_path / 'faa.png'}"]
    assert any(line.startswith("Winner         OMP_NUM_THREADS=1") for line in said) == is_search
    assert said[-1].startswith("MLflow         ")
