"""`charon slurm`: a study's batch script, written or submitted."""

import json

import pytest


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.py").touch()
    return "some.py"


def test_the_script_is_written_and_how_to_submit_it_is_said(study, charon, tmp_path):
    said = charon("slurm", "--nodes", 3, "--hours", 2, study, "--trials", 9)
    assert said.out == "Wrote charon-some.sbatch; submit it with: sbatch charon-some.sbatch\n"
    script = (tmp_path / "charon-some.sbatch").read_text()
    assert "#SBATCH --nodes=3\n" in script
    assert "python some.py --trials 9 --address" in script
    assert json.loads(charon("slurm", "--json", study).out)["script"] == "charon-some.sbatch"


def test_it_is_submitted(study, charon, refused, tmp_path, monkeypatch):
    (tmp_path / "sbatch").write_text('#!/bin/sh\necho "Submitted batch job 42 of $1"\n')
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert "job 42 of charon-some.sbatch" in charon("slurm", "--submit", study).out
    (tmp_path / "sbatch").write_text("#!/bin/sh\necho no such partition >&2; exit 1\n")
    assert "sbatch refused charon-some.sbatch: no such partition" in refused(
        "slurm", "--submit", study
    )


def test_without_slurm_it_says_so(study, refused, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "There is no sbatch here" in refused("slurm", "--submit", study)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "A study's file, such as studies/search.py, follows the options"),
        (("gone.py",), "but got gone.py"),
        (("some.py", "--nodes", "2"), "--nodes is of the job; give it before some.py"),
    ],
)
def test_what_is_no_study_is_refused(study, refused, words, message):
    assert message in refused("slurm", *words)
