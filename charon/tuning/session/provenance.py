"""Provenance of a study's runs: data, code and libraries, as tags of every trial."""

import importlib.metadata
import platform
import subprocess
from contextlib import suppress
from pathlib import Path

from charon.tuning.session.data import StudyData

LIBRARIES = ("torch", "numpy", "ray", "optuna", "mlflow")


def trial_tags(data: StudyData, preset: str, script: Path) -> dict[str, str]:
    """Return the provenance tags of a study's runs; with the git commit of a repository."""
    about = data.archive.description
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    tags = {
        "dataset": about.name,
        "fingerprint": data.archive.fingerprint,
        "standin": str(about.is_standin).lower(),
        "protocol": data.protocol,
        "validation": data.tasks.val_rule,
        "class_order": data.class_order,
        "preset": preset,
        "versions": " ".join([f"python {platform.python_version()}", *versions]),
        "mlflow.source.name": str(script),
    }
    command = ["git", "-C", str(script.parent), "rev-parse", "HEAD"]
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        tags["mlflow.source.git.commit"] = done.stdout.strip()
    return tags
