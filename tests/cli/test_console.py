"""Progress on a terminal and elsewhere, and the clips that are left out."""

import sys
from pathlib import Path

from charon.cli.console import ClipProgress, tell_unreadable


def test_progress_is_one_changing_line_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress = ClipProgress("Preparing x")
    progress(0, 100)
    progress(50, 100)
    progress(100, 100)
    said = capsys.readouterr().err
    assert "\rPreparing x: 50/100 clips" in said
    assert "clips/s" in said
    assert said.endswith("\r")
    assert "\n" not in said


def test_progress_elsewhere_is_a_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr("charon.cli.console.SECONDS_BETWEEN_LINES", 0.0)
    progress = ClipProgress("Preparing x")
    progress(50, 100)
    progress(100, 100)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("Preparing x: 50/100 clips")


def test_of_many_clips_left_out_the_first_are_listed_and_where_all_are(capsys):
    unreadable = [(f"clip {k}", "is empty") for k in range(4)]
    tell_unreadable(unreadable, Path("cache/some-set"), most=2)
    assert capsys.readouterr().err.splitlines() == [
        "4 clips cannot be read and are left out:",
        "  clip 0: is empty",
        "  clip 1: is empty",
        "  and 2 more; all: charon cache show some-set",
    ]
    tell_unreadable(unreadable[:1], None)
    assert capsys.readouterr().err.startswith("1 clip cannot be read and is left out:")
    tell_unreadable([], None)
    assert capsys.readouterr().err == ""
