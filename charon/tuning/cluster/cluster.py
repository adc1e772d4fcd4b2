"""The machines of a Ray cluster, a trial's place on them, and settings that keep libraries quiet.

Nothing calls home: Ray's usage statistics and MLflow's telemetry are switched off before
either is imported. The dashboard listens on 127.0.0.1 only; Ray's other ports listen on all
interfaces and require Ray's token, except the metrics port, which anyone can read.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from charon.errors import CharonError
from charon.tuning.cluster.watch import Watch

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    # Ray's snapshots: nothing reads them.
    "TUNE_GLOBAL_CHECKPOINT_S": "inf",
    # Nor shows its count of resources; the question is never answered once Ray's head is gone.
    "TUNE_STATE_REFRESH_PERIOD": "inf",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Otherwise Ray handles SIGTERM and reports a study that is asked to end as a crash.
    "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    # The sender tries again itself, and looks first whether what had no answer was done.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    # Two lines for each trial, between those of the study.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Set before Ray and MLflow are imported, unless the user has set them."""


class ClusterError(CharonError):
    """Ray cannot be started or reached, or its machines are too small."""


@dataclass(frozen=True)
class Machine:
    """The CPUs and GPUs of one machine; a trial never spans two machines."""

    cpus: float
    gpus: float


@dataclass(frozen=True)
class Cluster:
    """A connection to Ray, with the machines that are alive.

    The URL is empty if the dashboard did not start. ``stop`` disconnects, and ends a cluster that
    the study started.
    """

    dashboard_url: str
    machines: tuple[Machine, ...]
    stop: Callable[[], None] = lambda: None
    watch: Watch | None = None

    def watch_for(self, cpus: float, gpus: float) -> Callable[[], None]:
        """Return what raises a ClusterGone once no trial of this size can run here any more."""
        if self.watch is None:
            return lambda: None
        self.watch.trial = cpus, gpus
        return self.watch.check

    def slots(self, cpus: float, gpus: float) -> int:
        """Return how many trials of this size run at once, at least 1."""
        number = 0
        for machine in self.machines:
            here = machine.cpus / cpus
            if gpus >= 1:
                here = min(here, machine.gpus / gpus)
            elif gpus > 0:  # no trial takes parts of two GPUs
                here = min(here, machine.gpus * int(1 / gpus + 1e-9))
            number += int(here + 1e-9)
        return max(1, number)


def this_machine() -> Cluster:
    """Return what Ray would find here, without starting it."""
    # Imported here because torch takes a second, in which Ray can start already.
    import torch

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Cluster("", (Machine(float(cpus or 1), float(torch.cuda.device_count())),))


def place(cluster: Cluster, cpus: float | None, gpus: float | str | None) -> tuple[float, float]:
    """Return the CPUs and GPUs of one trial from those that the user asks for.

    None is one CPU; None or ``"auto"`` is a whole GPU where there is any.

    Raises:
        ClusterError: no machine is large enough for one trial.
    """
    machines = cluster.machines
    cpus = 1.0 if cpus is None else cpus
    if gpus is None or isinstance(gpus, str):
        gpus = float(sum(machine.gpus for machine in machines) >= 1)
    if any(cpus <= machine.cpus and gpus <= machine.gpus for machine in machines):
        return cpus, gpus
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


def prepare_environment() -> None:
    """Set the variables that Ray and MLflow read when they are imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def log_to(log_file: Path) -> None:
    """Send the libraries' messages to a file instead of between the study's lines."""
    # Imported here because its import sets up logging, and reads the environment.
    import ray  # noqa: F401

    # The study itself reports a full disk, once; the log may be incomplete.
    logging.raiseExceptions = False
    handler = logging.FileHandler(log_file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    for name in ("ray", "mlflow", "optuna"):  # whose handlers write to the screen
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.INFO)
        logger.propagate = True
    # It warns of result files that a study replaces by its journal.
    logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
