"""How many trials share a GPU: ``--gpus-per-trial auto``.

A fraction of a GPU is Ray's bookkeeping. The memory of one warm-up trial says how many fit; the
steps of 2, 4, 8, ... processes at once then show how many are worth it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ray
import torch
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from charon.config import Run
from charon.data.prepare import prepare
from charon.settings import Value
from charon.text import byte_size
from charon.training.stream import Stream
from charon.tuning.cluster.cluster import Cluster, ClusterError
from charon.tuning.cluster.cost import costs_of, slowest_and_fastest
from charon.tuning.cluster.timing import phase_times, time_steps
from charon.tuning.study.trials import PlannedTrial

PLACE_SECONDS = 60.0
"""How long a GPU may take to become free."""


def pack(
    cluster: Cluster | None,
    trials: Sequence[PlannedTrial],
    cache: Path,
    cpus: float,
    gpus: float,
    say: Callable[[str], None],
) -> tuple[float, str]:
    """Return the GPUs of one trial, and how they were determined, in one sentence.

    A dry run, which has no cluster, measures nothing; else the longest run of each method and
    network is measured, among all of a grid or those at the ends of a search. A trial takes so
    many ``cpus``, and ``gpus`` where nothing is measured: 1, or 0 where there is no GPU. ``say``
    tells the user what takes a while.

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


def measured_share(warm_up: "WarmUp", cluster: Cluster, cpus: float) -> tuple[float, str]:
    """Return the measured GPUs of one trial that takes ``cpus``, and a sentence that says why."""
    try:
        taken, total = warm_up.footprint()
        rates = {1: warm_up.steps_per_second(1)}
    except Exception as error:
        # Of a failed process the message stands below Ray's traceback.
        last = (str(error).strip().splitlines() or [type(error).__name__])[-1].rstrip(".")
        raise ClusterError(
            f"The warm-up trial of --gpus-per-trial auto failed ({last}); say how "
            "much of a GPU a trial takes, such as --gpus-per-trial 0.5."
        ) from error
    machines = (machine for machine in cluster.machines if machine.gpus > 0)
    by_cpus = min(int(machine.cpus / machine.gpus / cpus) for machine in machines)
    most = min(by_cpus, int(total // (1.2 * taken)))  # allocators leave gaps
    k = 1
    while 2 * k <= most:
        try:
            rates[2 * k] = warm_up.steps_per_second(2 * k)
        except Exception:  # they do not all fit
            break
        if rates[2 * k] < 1.1 * rates[k]:  # not worth it
            break
        k *= 2
    measured = ", ".join(f"{rate:.3g} with {number}" for number, rate in rates.items())
    return share(k), (
        f"--gpus-per-trial auto: {k} to a GPU ({share(k):g} each); a trial takes "
        f"{byte_size(taken, 3)} of its {byte_size(total, 3)}, and the steps a second are "
        f"{measured}."
    )


def share(k: int) -> float:
    """Return 1/k of a GPU, rounded down to Ray's resolution of 1/10,000, so that k fit."""
    return int(10_000 / k) / 10_000


class WarmUp:
    """Measurement of the first steps of each method's longest run."""

    def __init__(self, trials: Sequence[PlannedTrial], cache: Path, cpus: float) -> None:
        self._runs = [runs[0] for runs in slowest_and_fastest(trials).values()]
        self._cache, self._cpus = str(cache), cpus

    def footprint(self) -> tuple[float, float]:
        """Return the bytes that the largest run takes of its GPU, and the GPU's; time it later."""
        sizes = [self.ask([run], "footprint")[0] for run in self._runs]
        largest = max(range(len(sizes)), key=lambda index: sizes[index][0])
        self._runs = [self._runs[largest]]
        return sizes[largest]  # type: ignore[no-any-return]

    def steps_per_second(self, k: int) -> float:
        """Return the steps per second that k processes on one GPU take together."""
        return float(sum(self.ask(self._runs[:1] * k, "steps_per_second")))

    def ask(self, runs: Sequence[Mapping[str, Value]], question: str) -> list[Any]:
        """Call a method of one :class:`Probe` per run, all on one GPU, once all are ready.

        Raises:
            ClusterError: no GPU and CPUs for all of them become free.
        """
        bundle = placement_group([{"CPU": self._cpus * len(runs), "GPU": 1}])
        place = PlacementGroupSchedulingStrategy(bundle)
        probe = ray.remote(Probe).options(
            num_cpus=self._cpus, num_gpus=share(len(runs)), scheduling_strategy=place
        )
        try:
            if not bundle.wait(PLACE_SECONDS):
                raise ClusterError(
                    f"no machine had a free GPU and {self._cpus * len(runs):g} free CPUs within "
                    f"{PLACE_SECONDS:.0f} s"
                )
            probes = [probe.remote(run, self._cache, self._cpus) for run in runs]
            ray.get([each.warm_up.remote() for each in probes])
            return list(ray.get([getattr(each, question).remote() for each in probes]))
        finally:
            remove_placement_group(bundle)


class Probe:
    """One process of the warm-up: a trial of which only a few steps are taken."""

    def __init__(self, fields: Mapping[str, Value], cache: str, cpus: float) -> None:
        torch.set_num_threads(max(1, int(cpus)))
        run = Run.from_flat(fields)
        self._fields, self._cpus = fields, cpus
        self._archive = prepare(run.data.path, Path(cache), reading=run.data.reading)
        self._stream = Stream(run, self._archive)

    def warm_up(self) -> None:
        """Learn a little of the first task, so that there is something to replay."""
        phase_times(self._stream, self._stream.tasks.tasks[0])

    def placed_on(self) -> list[int]:
        """Return the GPUs that Ray has given to the process."""
        return list(ray.get_gpu_ids())

    def footprint(self) -> tuple[float, float]:
        """Return the bytes that the run takes with a whole task and a full memory, of how many."""
        (cost,) = costs_of([self._fields], self._archive, self._cpus)
        free, total = torch.cuda.mem_get_info()
        beside = total - free - torch.cuda.memory_reserved()  # CUDA itself, and other programs
        return cost.gpu_bytes + beside, total

    def steps_per_second(self) -> float:
        """Return how fast the main phase of the second task goes, replay included."""
        tasks = self._stream.tasks.tasks
        second = tasks[min(1, len(tasks) - 1)]
        times, _ = phase_times(self._stream, second, partial(time_steps, at_least=3.0))
        return 1 / next(step.seconds for step in times if step.phase == "train")
