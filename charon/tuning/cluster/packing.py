"""How many trials share a GPU: ``--gpus-per-trial auto``.

A fraction of a GPU is Ray's bookkeeping; whether k trials fit, and whether they learn more
together than fewer would, only their steps can tell. The memory of one warm-up trial says how
many fit; 2, 4, 8, ... processes at once then show how many are worth it.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from charon.errors import CharonError
from charon.text import byte_size
from charon.tuning.cluster.cluster import Cluster, ClusterError
from charon.tuning.cluster.warm_up import WarmUp, last_line, share
from charon.tuning.study.trials import PlannedTrial

WORTH = 1.1
"""Twice as many trials must take at least this many times the steps per second together."""


def pack(
    cluster: Cluster | None,
    trials: Sequence[PlannedTrial],
    cache: Path,
    cpus: float,
    gpus: float,
    say: Callable[[str], None],
) -> tuple[float, str]:
    """Return the GPUs of one trial, and how they were determined, in one sentence.

    Args:
        cluster: a running Ray; None for a dry run, which measures nothing.
        trials: what is to run, of a search its first; the longest of each method is measured.
        cache: folder of the prepared sets.
        cpus: of one trial.
        gpus: of one trial where nothing is measured: 1, or 0 where there is no GPU.
        say: tells the user what takes a while.

    Raises:
        ClusterError: the warm-up trial failed.
    """
    if gpus == 0:
        return 0.0, "--gpus-per-trial auto found no GPU: trials are packed by --cpus-per-trial."
    if all(trial.fields["device"] == "cpu" for trial in trials):
        return 0.0, (
            "--gpus-per-trial auto asks for no GPU, for the trials are to compute on the CPU "
            "(device=cpu): they are packed by --cpus-per-trial."
        )
    if cluster is None:
        return gpus, "--gpus-per-trial auto is measured when the study runs; here it counts as 1."
    say("Measuring how many trials should share a GPU")
    return measured_share(WarmUp(trials, cache, cpus), cluster, cpus)


def measured_share(warm_up: WarmUp, cluster: Cluster, cpus: float) -> tuple[float, str]:
    """Return the measured GPUs of one trial that takes ``cpus``, and a sentence that says why.

    Raises:
        ClusterError: the warm-up trial failed.
    """
    try:
        footprint = warm_up.footprint()
    except Exception as error:
        raise ClusterError(
            f"The warm-up trial of --gpus-per-trial auto failed ({last_line(error)}); say how "
            "much of a GPU a trial takes, such as --gpus-per-trial 0.5."
        ) from error
    machines = (machine for machine in cluster.machines if machine.gpus > 0)
    by_cpus = min(int(machine.cpus / machine.gpus / cpus) for machine in machines)
    k, rates = choose(max(1, min(footprint.most, by_cpus)), warm_up.steps_per_second)
    measured = ", ".join(f"{rate:.3g} with {number}" for number, rate in rates.items())
    return share(k), (
        f"--gpus-per-trial auto: {k} to a GPU ({share(k):g} each); a trial takes "
        f"{byte_size(footprint.taken, 3)} of its {byte_size(footprint.total, 3)}, and the steps "
        f"a second are {measured}."
    )


def choose(most: int, steps_per_second: Callable[[int], float]) -> tuple[int, dict[int, float]]:
    """Return how many processes should share a GPU, and the measured rates.

    Args:
        most: how many fit.
        steps_per_second: measures the steps that k processes take together.
    """
    rates, k = {1: steps_per_second(1)}, 1
    while 2 * k <= most:
        try:
            rates[2 * k] = steps_per_second(2 * k)
        except CharonError:
            break
        if rates[2 * k] < WORTH * rates[k]:
            break
        k *= 2
    return k, rates
