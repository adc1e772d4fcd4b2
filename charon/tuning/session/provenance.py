"""Provenance of a study's runs: data, code and libraries, as tags of every trial."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

from charon.tuning.session.data import StudyData

LIBRARIES = ("torch", "numpy", "ray", "optuna", "mlflow")


def trial_tags(data: StudyData, preset: str, script: Path) -> dict[str, str]:
    """Return the provenance tags of a study's runs."""
    about = data.archive.description
    return {
        "dataset": about.name,
        "fingerprint": data.archive.fingerprint,
        "standin": str(about.is_standin).lower(),
        "protocol": data.protocol,
        "validation": data.tasks.val_rule,
        "class_order": data.class_order,
        "preset": preset,
        "versions": " ".join(_versions()),
        "mlflow.source.name": str(script),
        **_commit(script),
    }


def _versions() -> list[str]:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    return [f"python {platform.python_version()}", *versions]


def _commit(script: Path) -> dict[str, str]:
    """Return the git commit of the script's repository; empty outside a repository."""
    command = ["git", "-C", str(script.parent), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": done.stdout.strip()}
