"""Progress on a terminal and elsewhere; Ctrl-C: at once, and once more where it was swallowed."""

import contextlib
import json
import signal
import sys

import numpy as np
import pytest

from charon.cli.console import ClipProgress, interruptible, print_json, print_json_line


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


def test_it_interrupts_at_once():
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGINT)


def test_what_a_library_swallows_is_raised_at_the_next_check():
    with interruptible() as check:
        check()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            check()


def test_the_handler_before_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.parametrize("print_as_json", [print_json, print_json_line])
def test_what_json_lacks_is_null(print_as_json, capsys):
    odd = {"nan": float("nan"), "more": [np.float32("inf"), np.int64(3), (1, -np.inf)], "x": None}
    print_as_json(odd)
    said = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert said == {"nan": None, "more": [None, 3, [1, None]], "x": None}
