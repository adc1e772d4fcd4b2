"""The Ray cluster of a study: its own on this machine, or a running one.

Nothing calls home: Ray's usage statistics and MLflow's telemetry are switched off before
either is imported. The dashboard listens on 127.0.0.1 only; Ray's other ports listen on all
interfaces and ask for Ray's token, except the metrics port, which gives numbers to anyone.
"""

import logging
import os
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from charon.errors import CharonError

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_GLOBAL_CHECKPOINT_S": "3",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
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

LONGEST_TEMPORARY = 40
"""Characters; Ray makes socket paths of about 60 more below it, and 107 is the limit."""


class ClusterError(CharonError):
    """Ray cannot be started or reached, or has too little of something."""


REACH_SECONDS = 5.0
"""How long a running cluster may take to answer."""


@dataclass(frozen=True)
class Cluster:
    """A connection to Ray.

    Attributes:
        dashboard_url: where the dashboard is; empty if it did not start.
        cpus, gpus: what the whole cluster has.
        temporary: the temporary folder of an own cluster, removed with it.
    """

    dashboard_url: str
    cpus: float
    gpus: float
    temporary: Path | None


def prepare_environment() -> None:
    """Set what Ray and MLflow read when they are imported."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def start(address: str | None, log_file: Path) -> Cluster:
    """Start Ray on this machine, or connect to the running cluster at ``address``.

    Must be called in the main thread: Ray's processes end with the thread that started them.

    Args:
        address: of a running cluster, such as ``"10.0.0.1:6379"`` or ``"auto"``; None starts one.
        log_file: where :func:`log_to` sends what Ray has to say, for the error's sentence.

    Raises:
        ClusterError: Ray does not start, or nothing answers at the address.
    """
    import ray

    if address is not None:
        _check_reachable(address)
    temporary = None
    try:
        if address is None:
            temporary = Path(tempfile.mkdtemp(prefix="charon-", dir=_short_folder()))
            context = ray.init(
                address="local",
                include_dashboard=True,
                dashboard_host="127.0.0.1",
                log_to_driver=False,
                configure_logging=False,
                _temp_dir=str(temporary),
            )
        else:
            context = ray.init(address=address, log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        where = "on this machine" if address is None else f"at {address}"
        raise ClusterError(
            f"Ray does not answer {where}: {_first_line(error)} (more in {log_file})."
        ) from error
    resources = ray.cluster_resources()
    url = context.dashboard_url
    return Cluster(
        dashboard_url=f"http://{url}" if url else "",
        cpus=resources.get("CPU", 0.0),
        gpus=resources.get("GPU", 0.0),
        temporary=temporary,
    )


def stop(cluster: Cluster) -> None:
    """Disconnect; an own cluster ends and its temporary folder goes."""
    import ray

    ray.shutdown()
    if cluster.temporary is not None:
        shutil.rmtree(cluster.temporary, ignore_errors=True)


def _check_reachable(address: str) -> None:
    """Try the address for some seconds; Ray by itself would try for many minutes.

    Raises:
        ClusterError: nothing listens there, or it is no such address.
    """
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(f"--address takes HOST:PORT of a running cluster, but got {address!r}.")
    try:
        socket.create_connection((host, int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            f"No Ray cluster answers at --address {address} ({error}); start one with "
            "`ray start --head`, or leave --address out."
        ) from error


def check_fits(cluster: Cluster, cpus: float, gpus: float) -> None:
    """Check that one trial can ever be placed.

    Raises:
        ClusterError: the cluster has fewer CPUs or GPUs than one trial asks for.
    """
    if cpus > cluster.cpus:
        raise ClusterError(
            f"--cpus-per-trial {cpus:g} asks for more than the {cluster.cpus:g} CPUs of the "
            "cluster; ask for fewer."
        )
    if gpus > cluster.gpus:
        raise ClusterError(
            f"--gpus-per-trial {gpus:g} asks for more than the {cluster.gpus:g} GPUs of the "
            "cluster; ask for fewer, or run on CPUs with --gpus-per-trial 0."
        )


def _short_folder() -> str | None:
    """Return a folder whose path is short enough for Ray's sockets."""
    default = tempfile.gettempdir()
    return default if len(default) <= LONGEST_TEMPORARY else "/tmp"


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


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def this_machine() -> Cluster:
    """Return what Ray would find here, without starting it."""
    import torch

    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Cluster("", float(cpus or 1), float(torch.cuda.device_count()), None)


def tool(name: str) -> str:
    """Return how to call a command of this environment: its name, or its path if need be."""
    own = Path(sys.executable).parent / name
    found = shutil.which(name)
    return name if found and Path(found).resolve() == own.resolve() else str(own)
