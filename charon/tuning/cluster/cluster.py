"""The Ray cluster of a study: its own on this machine, or a running one.

Nothing calls home: Ray's usage statistics and MLflow's telemetry are switched off before
either is imported. The dashboard listens on 127.0.0.1 only; Ray's other ports listen on all
interfaces and ask for Ray's token, except the metrics port, which gives numbers to anyone.
"""

import logging
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from charon.errors import CharonError

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    # Ray's snapshots: nothing reads them.
    "TUNE_GLOBAL_CHECKPOINT_S": "inf",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Else it takes SIGTERM, and calls a study that is asked to end a crash.
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Set before Ray and MLflow are imported, unless the user has set them."""

LIBRARIES = ("ray", "mlflow", "optuna")
"""Loggers that write to the screen by themselves."""

MISSES_ITS_OWN_FILES = "ray.tune.analysis.experiment_analysis"
"""Logger that warns of every trial at the end: the study writes a journal, not Ray's files."""


class ClusterError(CharonError):
    """Ray cannot be started or reached, or has too little of something."""


@dataclass(frozen=True)
class Machine:
    """What one machine of a cluster has; a trial runs on one, and never on parts of two."""

    cpus: float
    gpus: float

    def at_once(self, cpus: float, gpus: float) -> int:
        """Return how many trials that take so much run here at the same time."""
        by_cpu = self.cpus / cpus
        by_gpu = by_cpu
        if gpus >= 1:
            by_gpu = self.gpus / gpus
        elif gpus > 0:
            by_gpu = self.gpus * int(1 / gpus + 1e-9)  # no trial takes parts of two
        return int(min(by_cpu, by_gpu) + 1e-9)


@dataclass(frozen=True)
class Cluster:
    """A connection to Ray.

    Attributes:
        dashboard_url: where the dashboard is; empty if it did not start.
        machines: what it consists of.
        stop: disconnects; an own cluster ends.
    """

    dashboard_url: str
    machines: tuple[Machine, ...]
    stop: Callable[[], None] = lambda: None

    @property
    def cpus(self) -> float:
        """What all machines have together."""
        return sum(machine.cpus for machine in self.machines)

    @property
    def gpus(self) -> float:
        """What all machines have together."""
        return sum(machine.gpus for machine in self.machines)


def prepare_environment() -> None:
    """Set what Ray and MLflow read when they are imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def check_fits(cluster: Cluster, cpus: float, gpus: float) -> None:
    """Check that one trial can ever be placed.

    Raises:
        ClusterError: no machine has as many CPUs and GPUs as one trial asks for.
    """
    machines = cluster.machines
    if any(cpus <= machine.cpus and gpus <= machine.gpus for machine in machines):
        return
    most_cpus = max((machine.cpus for machine in machines), default=0.0)
    most_gpus = max((machine.gpus for machine in machines), default=0.0)
    if cpus > most_cpus:
        raise ClusterError(
            f"--cpus-per-trial {cpus:g} asks for more than the {most_cpus:g} CPUs of the largest "
            "machine; ask for fewer."
        )
    if gpus > most_gpus:
        raise ClusterError(
            f"--gpus-per-trial {gpus:g} asks for more than the {most_gpus:g} GPUs of the largest "
            "machine; ask for fewer, or run on CPUs with --gpus-per-trial 0."
        )
    raise ClusterError(
        f"--cpus-per-trial {cpus:g} and --gpus-per-trial {gpus:g} together are more than any one "
        "machine of the cluster has; ask for fewer."
    )


class QuietFileHandler(logging.FileHandler):
    """A log that may be incomplete: a full disk is said once, by the study itself."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Drop the line."""


def log_to(log_file: Path) -> None:
    """Send what the libraries have to say to a file instead of between the study's lines."""
    import ray  # noqa: F401 - it sets its own logging up when it is imported, so before

    handler = QuietFileHandler(log_file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.INFO)
        logger.propagate = True
    logging.getLogger(MISSES_ITS_OWN_FILES).setLevel(logging.ERROR)


def this_machine() -> Cluster:
    """Return what Ray would find here, without starting it."""
    import torch

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Cluster("", (Machine(float(cpus or 1), float(torch.cuda.device_count())),))


def tool(name: str) -> str:
    """Return how to call a command of this environment: its name, or its path if need be."""
    own = Path(sys.executable).parent / name
    found = shutil.which(name)
    return name if found and Path(found).resolve() == own.resolve() else str(own)
