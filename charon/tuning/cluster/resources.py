"""The CPUs and GPUs of one trial."""

from charon.tuning.cluster.cluster import Cluster, ClusterError, this_machine


def place(
    cluster: Cluster | None, cpus: float | None, gpus: float | str | None
) -> tuple[float, float]:
    """Return the CPUs and GPUs of one trial.

    Args:
        cluster: where it runs; None is this machine.
        cpus: that the user asks for; 1 if None.
        gpus: that the user asks for; a whole GPU if None or ``"auto"`` and there is any.

    Raises:
        ClusterError: no machine is large enough for one trial.
    """
    cluster = cluster or this_machine()
    cpus = 1.0 if cpus is None else cpus
    if gpus is None or isinstance(gpus, str):
        gpus = float(cluster.gpus >= 1)
    check_fits(cluster, cpus, gpus)
    return cpus, gpus


def check_fits(cluster: Cluster, cpus: float, gpus: float) -> None:
    """Check that one trial fits on one machine.

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
