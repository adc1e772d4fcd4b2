"""Where a study's runs come from: data, code and libraries; how one of them is learned alone."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from charon.data.cache.archive import default_cache_dir
from charon.training.first_task import code_fingerprint
from charon.tuning.session.provenance import LIBRARIES, repeat_command, run_command, trial_tags

CLIPS = SimpleNamespace(
    archive=SimpleNamespace(
        description=SimpleNamespace(name="tiny", is_standin=False), fingerprint="abc"
    ),
    tasks=SimpleNamespace(val_rule="performers 1, 2"),
    protocol="cross-subject",
    class_order="natural",
)


def test_tags_name_the_data_and_the_version_of_every_library(tmp_path):
    tags = trial_tags(CLIPS, "paper", tmp_path / "study.py")
    assert (tags["dataset"], tags["fingerprint"], tags["standin"]) == ("tiny", "abc", "false")
    assert (tags["protocol"], tags["class_order"], tags["preset"]) == (
        *("cross-subject", "natural", "paper"),
    )
    assert tags["validation"] == "performers 1, 2"
    assert tags["versions"].split()[::2] == ["python", *LIBRARIES]
    assert tags["mlflow.source.name"] == str(tmp_path / "study.py")
    assert tags["code"] == code_fingerprint()[:12]


def test_the_commit_is_that_of_the_repository_of_the_script_if_it_lies_in_one(tmp_path):
    assert "mlflow.source.git.commit" not in trial_tags(CLIPS, "paper", tmp_path / "study.py")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    tags = trial_tags(CLIPS, "paper", tmp_path / "study.py")
    assert tags["mlflow.source.git.commit"] == head.stdout.strip()


def test_a_run_is_repeated_by_what_is_not_the_default():
    fields = {"learner": "er", "seed": 3, "data.path": "my clips", "learner.sampling_interval": 1}
    assert repeat_command(fields, default_cache_dir(), 1.0) == (
        "OMP_NUM_THREADS=1 charon run --learner er --set seed=3 --set 'data.path=my clips'"
    )


def test_a_run_alone_reads_the_clips_of_its_study():
    where = run_command(["--config", "winner.json"], Path("/my cache"), 1.0)
    assert where.endswith("charon run --config winner.json --cache '/my cache'")
    assert "--cache" not in run_command(["--config", "winner.json"], default_cache_dir(), 1.0)


@pytest.mark.parametrize(("cpus", "threads"), [(0.5, 1), (1.0, 1), (4.0, 4), (2.5, 2)])
def test_a_run_alone_has_as_many_threads_as_a_trial(cpus, threads):
    command = run_command([], default_cache_dir(), cpus)
    assert command == f"OMP_NUM_THREADS={threads} charon run"
