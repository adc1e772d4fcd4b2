"""A short stride of the sweep over all calls that may fail; sweep.py says how to run all of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from faults import preload
from faults.sweep import ROOT, differences, problems_of

SWEEP = Path(__file__).with_name("sweep.py")

needs_compiler = pytest.mark.skipif(
    preload.COMPILER is None or sys.platform != "linux",
    reason="the library that makes calls fail needs a C compiler (cc) and Linux",
)


def swept(*flags):
    """Run the sweep; return the numbers of its last line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, str(SWEEP), *flags], capture_output=True, text=True, env=environment
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    last = ended.stdout.strip().splitlines()[-1]
    return [int(number) for number in re.findall(r"(\d+) (?:faults|struck|survived|lost)", last)]


@needs_compiler
def test_a_study_survives_some_of_the_faults_that_may_happen():
    injected, struck, survived, wrong = swept("--study", "grid", "--every", "797", "--start", "200")
    assert injected >= struck == survived > 0
    assert wrong == 0


@needs_compiler
@pytest.mark.slow
def test_a_search_survives_more_of_them():
    injected, struck, survived, wrong = swept("--study", "search", "--every", "397")
    assert injected >= struck == survived > 0
    assert wrong == 0


def ended(status, facts=None, said="", strikes=()):
    from types import SimpleNamespace

    return SimpleNamespace(status=status, facts=facts, said=said, strikes=list(strikes))


CALM = {"trials": {"a": ("finished", {1: {"test/faa": 50.0}})}, "files": {"model.pt": "0f"}}


def test_whatever_differs_from_the_calm_study_is_named():
    changed = {"trials": {"a": ("finished", {1: {"test/faa": 50.1}}), "b": ()}, "files": {}}
    assert list(differences(CALM, CALM)) == []
    assert list(differences(CALM, changed)) == [
        "/trials/a[1]/1/test/faa is 50.1, not 50.0",
        "/trials/b is new",
        "/files/model.pt is lost",
    ]


@pytest.mark.parametrize(
    ("first", "last", "wrong"),
    [
        (ended(-9), ended(0, CALM), []),
        (ended(1, said="error: The disk is full."), ended(0, CALM), []),
        (ended(1, said="Traceback (most recent call last)"), ended(0, CALM), ["a traceback aft"]),
        (ended(-11), ended(0, CALM), ["status -11 after the fault"]),
        (ended(-9), ended(1, CALM), ["status 1 in the end"]),
        (ended(-9), ended(0, "...\nAssertionError: a is there twice"), ["AssertionError: a is"]),
        (ended(-9), ended(0, {**CALM, "files": {}}), ["/files/model.pt is lost"]),
        (
            ended(0, strikes=[preload.Strike(True, "SIGKILL", 3, "write", "x")]),
            ended(0, CALM),
            ["status 0: the process was not killed"],
        ),
    ],
)
def test_what_is_wrong_with_a_struck_study_is_seen(first, last, wrong):
    found = problems_of(CALM, first, last)
    assert len(found) == len(wrong)
    assert all(one.startswith(start) for one, start in zip(found, wrong, strict=True))
