"""Every study, the whole way and as small as it can be, and the report of them all."""

import json
import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from tuning.study_runs import ROOT, write_clips
from tuning.test_studies import STUDIES

from charon.config import Run
from charon.memory import CODECS, STORAGES

KEPT = Path(__file__).with_name("smoke_report.txt")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with clips of six classes, which all studies learn."""
    folder = tmp_path_factory.mktemp("smoke")
    write_clips(folder / "tiny.npz")
    return folder


def run(place, program, *flags, results="results"):
    done = subprocess.run(
        [sys.executable, str(ROOT / program), "--results", str(place / results), *flags],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=place,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def smoke(place, name, results="results"):
    """Run a study; return its folder."""
    data = ["--data", str(place / "tiny.npz"), "--cache", str(place / "cache")]
    # Six classes of sixty clips: with the small scale's rate some weights diverge.
    slow = ["--set", "optimiser.learning_rate=0.02"]
    out = run(place, f"studies/{name}.py", "--smoke", *data, *slow, results=results)
    assert "failed" not in out
    return place / results / name


@pytest.mark.parametrize("name", [path.stem for path in STUDIES if path.stem != "search"])
def test_a_study_runs_as_small_as_it_can_be(place, name):
    folder = smoke(place, name)
    for figure in ("figure", "tasks", "matrices"):
        assert (folder / f"{figure}.pdf").exists()
    assert (folder / "README.md").exists()


def test_a_search_ends_with_its_winner_confirmed_and_in_a_report(place):
    """In a folder of its own: which setting wins, and so the report's words, may change."""
    folder = smoke(place, "search", results="searched")
    for name in ("confirm.png", "gap.csv", "optuna.db", "selection.json"):
        assert (folder / name).exists()
    winner = json.loads((folder / "winner.json").read_text(encoding="utf-8"))
    assert Run.from_flat(winner).learner_name == "charon"
    confirmed = json.loads((folder / "confirm.json").read_text(encoding="utf-8"))
    assert confirmed["winner"]["n"] == len(confirmed["seeds"]) > 0
    assert "## The winner" in (folder / "README.md").read_text(encoding="utf-8")
    run(place, "analysis/report.py", results="searched")
    html = (place / "searched" / "report.html").read_text(encoding="utf-8")
    assert "Which setting is best" in html


def test_codecs_are_measured_without_learning(place):
    data = ["--data", str(place / "tiny.npz"), "--cache", str(place / "cache"), "--frames", "20"]
    run(place, "studies/interpolation_error.py", *data)
    table = run(place, "analysis/interpolation_error.py")
    assert all(codec in table for codec in CODECS)
    assert all(storage in table for storage in STORAGES)


def test_the_report_of_them_all_has_the_text_that_was_kept(place):
    """Its words: numbers, commits and fingerprints are taken out, for they may change.

    It is of the studies that the tests above have run: they stay in one process, in this order.
    """
    run(place, "analysis/report.py")
    html = (place / "results" / "report.html").read_text(encoding="utf-8")
    made = words_of(html.replace(str(place), "HERE"))
    assert made == KEPT.read_text(encoding="utf-8")


def words_of(html):
    # The contrast beside a verdict is the weakest, which numbers decide.
    html = re.sub(r"(</span>), .*?(<br>|</td>|</li>)", r"\1\2", html)
    text = re.sub(r"<style>.*?</style>|<img[^>]*>|<details>.*?</details>", "", html, flags=re.S)
    text = unescape(re.sub(r"<[^>]+>", " ", text))
    text = re.sub(r"(fingerprint|commit) \w+", r"\1 #", text)
    text = re.sub(r"[-+]?\d+(\.\d+)?(e[-+]\d+)?( (s|min|h)\b)?", "#", text)
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.splitlines())
    return "\n".join(filter(None, lines)) + "\n"
