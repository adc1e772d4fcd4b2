"""Where a study's runs come from: data, code and libraries."""

import subprocess
from types import SimpleNamespace

from charon.tuning.session.provenance import LIBRARIES, trial_tags

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


def test_the_commit_is_that_of_the_repository_of_the_script_if_it_lies_in_one(tmp_path):
    assert "mlflow.source.git.commit" not in trial_tags(CLIPS, "paper", tmp_path / "study.py")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    tags = trial_tags(CLIPS, "paper", tmp_path / "study.py")
    assert tags["mlflow.source.git.commit"] == head.stdout.strip()
