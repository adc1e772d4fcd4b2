"""What earlier versions left is read, resumed to the same numbers, or refused in one sentence."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from golden.make import HERE, PLACE, ROOT, run_study
from tiny_runs import untimed

from charon.cli.main import main as charon
from charon.data.cache.archive import Archive
from charon.errors import CheckpointError, DataError
from charon.report.results import read_results
from charon.tuning.records.plan import read_plan

STUDIES = ("grid", "interrupted", "search")


@pytest.fixture
def results(tmp_path):
    """A copy of the studies, which may be written."""
    for name in STUDIES:
        shutil.copytree(HERE / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def clips():
    """The clips at the path by which the folders know them; other processes may use them, too."""
    PLACE.mkdir(exist_ok=True)
    path = PLACE / "clips.npz"
    partial = path.with_name(f"clips-{os.getpid()}")
    shutil.copy(HERE / path.name, partial)
    partial.replace(path)
    return path


def test_they_name_no_place_but_the_placeholder_and_are_small():
    files = [
        path for path in HERE.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    assert sum(path.stat().st_size for path in files) < 600_000
    own = {str(ROOT), str(Path.home()), os.uname().nodename, os.environ.get("USER") or "root"}
    for path in files:
        text = path.read_bytes().decode("latin-1")
        assert not [word for word in own if len(word) > 4 and word in text], path
        places = re.findall(r"/(?:home|root|work|mnt|Users|tmp)\b[\w/.-]*", text)
        assert {place for place in places if not place.startswith(str(PLACE))} == set(), path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("grid", "finished; 2 finished; 0 of 2 left"),
        ("interrupted", "interrupted; 1 finished, 1 interrupted; 1 of 2 left"),
        ("search", "finished; 3 finished; 0 of 3 left"),
    ],
)
def test_the_command_line_reads_them(results, name, said, capsys):
    assert charon(["status", str(results / name)]) == 0
    assert said in capsys.readouterr().out
    trial = rows(results / name / "trials.csv")[0]
    assert charon(["why", str(results / name), trial["name"]]) == 0
    if name != "interrupted":  # of which a single run has finished
        assert charon(["compare", str(results / name), "--json"]) == 0
        assert '"pairs": ' in capsys.readouterr().out


@pytest.mark.parametrize("name", STUDIES)
def test_reports_read_them(results, name):
    found = read_results(results / name)
    assert found.study.name == name
    assert found.study.question == "Can it be read?"
    assert len(found.finished) == {"grid": 2, "interrupted": 1}.get(name, len(found.finished)) > 0


@pytest.mark.slow
@pytest.mark.parametrize(("name", "module"), [("grid", "summary"), ("search", "search")])
def test_their_pages_are_made(results, name, module):
    program = [sys.executable, "-m", f"charon.report.{module}", "--results", str(results / name)]
    subprocess.run(program, check=True, cwd=ROOT, capture_output=True)
    assert "Can it be read?" in (results / name / "README.md").read_text(encoding="utf-8")


def rows(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def curves(folder):
    untimed_rows = [untimed(row) for row in rows(folder / "curves.csv")]
    return [{k: v for k, v in row.items() if k != "trial_id"} for row in untimed_rows]


@pytest.mark.slow
def test_the_interrupted_study_goes_on_to_the_numbers_of_the_whole_one(results, clips):
    assert len(curves(results / "interrupted")) < len(curves(HERE / "grid"))
    assert run_study("interrupted", results, "--resume") == 0
    assert curves(results / "interrupted") == curves(HERE / "grid")


@pytest.mark.slow
def test_the_search_is_extended(results, clips):
    before = curves(results / "search")
    assert run_study("search", results, "--extend", "1", "--confirm-seeds", "0") == 0
    assert curves(results / "search")[: len(before)] == before


def test_the_run_predicts_and_goes_on_from_its_checkpoint(tmp_path, clips, capsys):
    run = tmp_path / "run"
    shutil.copytree(HERE / "run", run)
    words = ["run", "--resume", "--output", str(run), "--cache", str(tmp_path / "cache")]
    assert charon(words) == 0
    assert "Continues after task 2." in capsys.readouterr().out
    metrics = (run / "metrics.jsonl").read_bytes()
    assert metrics == (HERE / "run" / "metrics.jsonl").read_bytes()
    matrix = (run / "accuracy_matrix.csv").read_bytes()
    assert matrix == (HERE / "run" / "accuracy_matrix.csv").read_bytes()


def test_the_prepared_set_is_the_one_that_is_prepared_now(tmp_path):
    kept = Archive(HERE / "cache")
    assert charon(["prepare", str(HERE / "clips.npz"), "--cache", str(tmp_path)]) == 0
    (path,) = tmp_path.iterdir()
    assert Archive(path).fingerprint == kept.fingerprint
    assert (Archive(path).frames == kept.frames).all()


@pytest.mark.parametrize("version", [3, 5, "4", None])
def test_another_format_of_a_study_is_refused_in_one_sentence(results, version):
    path = results / "grid" / "study.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": version}))
    for read in (read_plan, read_results):
        with pytest.raises(CheckpointError, match=r"was left by version .* of this code, and this"):
            read(results / "grid")


@pytest.mark.parametrize("version", [1, 3, "2", None])
def test_another_format_of_a_prepared_set_is_refused_in_one_sentence(tmp_path, version):
    shutil.copytree(HERE / "cache", tmp_path / "cache")
    path = tmp_path / "cache" / "archive.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": version}))
    with pytest.raises(DataError, match=r"has format .*, this program reads 2; delete it and prep"):
        Archive(tmp_path / "cache")
