"""What one trial takes of a cluster: CPUs, and GPUs or shares of one."""

from typing import Literal

from charon.tuning.cluster.cluster import Cluster, check_fits


def place(
    cpus: float | None, gpus: float | Literal["auto"] | None, cluster: Cluster
) -> tuple[float, float]:
    """Return CPUs and GPUs of one trial.

    Args:
        cpus: that were asked for; None for 1.
        gpus: that were asked for; None or ``"auto"`` for a whole one where there are any.
        cluster: that the trials run on.

    Raises:
        ClusterError: one trial would never find room.
    """
    cpus = 1.0 if cpus is None else cpus
    gpus = float(cluster.gpus >= 1) if gpus is None or gpus == "auto" else gpus
    check_fits(cluster, cpus, gpus)
    return cpus, gpus
