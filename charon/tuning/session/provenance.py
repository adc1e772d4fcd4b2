"""Provenance of a study's runs: data, code and libraries as tags, and commands that repeat them."""

import importlib.metadata
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from charon.data.cache.archive import default_cache_dir
from charon.settings import Value
from charon.training.first_task import code_fingerprint
from charon.tuning.session.data import StudyData
from charon.tuning.study.fields import known_fields

LIBRARIES = ("torch", "numpy", "ray", "optuna", "mlflow")


def trial_tags(data: StudyData, preset: str, script: Path) -> dict[str, str]:
    """Return the provenance tags of a study's runs; with the git commit of the script's repository.

    ``code`` is a hash of this library, wherever the script lies.
    """
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
        "code": code_fingerprint()[:12],
        "versions": " ".join([f"python {platform.python_version()}", *versions]),
        "mlflow.source.name": str(script),
    }
    command = ["git", "-C", str(script.parent), "rev-parse", "HEAD"]
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        tags["mlflow.source.git.commit"] = done.stdout.strip()
    return tags


def repeat_command(fields: Mapping[str, Value], cache: Path, cpus: float) -> str:
    """Return the command that repeats a run without Ray, from all its fields."""
    learner = fields.get("learner", "charon")
    defaults = known_fields(learner)
    words = ["--learner", str(learner)]
    for name, value in fields.items():
        if name != "learner" and value != defaults[name]:
            words += ["--set", f"{name}={'none' if value is None else value}"]
    return run_command(words, cache, cpus)


def run_command(words: Sequence[str], cache: Path, cpus: float) -> str:
    """Return a ``charon run`` with the clips and the number of threads of a study's trials.

    Another number of threads would round sums in another order, and the curves would differ. The
    cache is an absolute folder; ``cpus`` are those of a trial.
    """
    threads = f"OMP_NUM_THREADS={max(1, int(cpus))}"
    place = [] if cache == default_cache_dir() else ["--cache", str(cache)]
    return shlex.join([threads, "charon", "run", *words, *place])
