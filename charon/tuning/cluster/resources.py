"""What one trial takes of a cluster: CPUs, and GPUs or shares of one."""

from charon.tuning.cluster import cluster as clusters
from charon.tuning.cluster.cluster import Cluster
from charon.tuning.session.options import Options


def place(options: Options, cluster: Cluster | None) -> tuple[float, float]:
    """Return CPUs and GPUs of one trial.

    Raises:
        ClusterError: one trial would never find room.
    """
    if cluster is None:
        cluster = clusters.this_machine()
    cpus = options.cpus if options.cpus is not None else 1.0
    whole = float(cluster.gpus >= 1)
    gpus = whole if options.gpus is None or options.gpus == "auto" else options.gpus
    clusters.check_fits(cluster, cpus, gpus)
    return cpus, gpus
