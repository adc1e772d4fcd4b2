"""How many trials share a GPU, measured by a warm-up trial: ``--gpus-per-trial auto``.

A fraction of a GPU is Ray's bookkeeping; whether k trials fit it, and whether k together learn
more than one alone, only their steps can tell. So the memory of one warm-up trial says how
many fit, and then 2, 4, 8, ... processes at once say how many are worth it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charon.errors import CharonError
from charon.settings import Value
from charon.text import byte_size
from charon.tuning.cluster.cluster import Cluster, ClusterError
from charon.tuning.study.trials import PlannedTrial

WORTH = 1.1
"""Twice as many trials must take this many times the steps a second, all together."""

SPARE = 1.2
"""Memory that a trial is given for what it was seen to take: allocators leave gaps."""

MEASURED_SECONDS = 3.0
"""For which the steps of each phase are timed."""

PLACE_SECONDS = 60.0
"""How long a GPU may take to become free for the warm-up."""


@dataclass(frozen=True)
class Footprint:
    """Bytes that one process takes of its GPU, and that the GPU has."""

    taken: float
    total: float

    @property
    def most(self) -> int:
        """Processes that fit."""
        return max(1, int(self.total // (SPARE * self.taken)))


def share(k: int) -> float:
    """Return 1/k of a GPU, rounded down to what Ray can count, so that k fit."""
    return int(10_000 / k) / 10_000


def pack(
    cluster: Cluster | None,
    trials: Sequence[PlannedTrial],
    cache: Path,
    cpus: float,
    gpus: float,
    say: Callable[[str], None],
) -> tuple[float, str]:
    """Return the GPUs of one trial, and how they were found, in one sentence.

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
    warm_up = WarmUp(trials, cache, cpus)
    try:
        footprint = warm_up.footprint()
    except Exception as error:
        raise ClusterError(
            f"The warm-up trial of --gpus-per-trial auto failed ({_last_line(error)}); say how "
            "much of a GPU a trial takes, such as --gpus-per-trial 0.5."
        ) from error
    by_cpus = min(int(one.cpus / one.gpus / cpus) for one in cluster.machines if one.gpus > 0)
    k, rates = choose(max(1, min(footprint.most, by_cpus)), warm_up.steps_per_second)
    return share(k), describe(k, footprint, rates)


def choose(most: int, steps_per_second: Callable[[int], float]) -> tuple[int, dict[int, float]]:
    """Return how many processes to let share a GPU, and the rates that were measured.

    Args:
        most: that have room.
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


def describe(k: int, footprint: Footprint, rates: Mapping[int, float]) -> str:
    """Say what was chosen and why."""
    told = ", ".join(f"{rate:.3g} with {number}" for number, rate in rates.items())
    return (
        f"--gpus-per-trial auto: {k} to a GPU ({share(k):g} each); a trial takes "
        f"{byte_size(footprint.taken, 3)} of its {byte_size(footprint.total, 3)}, and the steps "
        f"a second are {told}."
    )


class WarmUp:
    """Measures the first steps of trials, in processes that Ray places as it places trials."""

    def __init__(self, trials: Sequence[PlannedTrial], cache: Path, cpus: float) -> None:
        """Take the longest run of each method; nothing is measured yet."""
        from charon.tuning.session.dry_run import by_method, slowest_and_fastest

        self._runs = [slowest_and_fastest(runs)[0] for runs in by_method(trials).values()]
        self._cache = str(cache)
        self._cpus = cpus

    def footprint(self) -> Footprint:
        """Return what the largest of the runs takes of a GPU it has alone; it is kept for later."""
        found = [self._together([run], "footprint")[0] for run in self._runs]
        largest = max(range(len(found)), key=lambda index: found[index].taken)
        self._runs = [self._runs[largest]]
        footprint: Footprint = found[largest]
        return footprint

    def steps_per_second(self, k: int) -> float:
        """Return how many steps k processes on one GPU take together.

        Raises:
            ClusterError: they do not all get through.
        """
        try:
            return float(sum(self._together(self._runs[:1] * k, "steps_per_second")))
        except Exception as error:
            raise ClusterError(f"{k} trials at once failed: {_last_line(error)}.") from error

    def _together(self, runs: Sequence[Mapping[str, Value]], question: str) -> list[Any]:
        """Ask one process for each run, all on one GPU, when all are ready."""
        import ray
        from ray.util.placement_group import placement_group, remove_placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

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
            ray.get([one.warm_up.remote() for one in probes])
            return list(ray.get([getattr(one, question).remote() for one in probes]))
        finally:
            remove_placement_group(bundle)


class Probe:
    """One process of the warm-up: a trial of which only a few steps are taken."""

    def __init__(self, fields: Mapping[str, Value], cache: str, cpus: float) -> None:
        import torch

        from charon.config import Run
        from charon.data.prepare import prepare
        from charon.training.stream import Stream

        torch.set_num_threads(max(1, int(cpus)))
        run = Run.from_flat(fields)
        self._fields, self._cpus = fields, cpus
        self._archive = prepare(run.data.path, Path(cache), keep_gaps=run.data.keep_gaps)
        self._stream = Stream(run, self._archive)

    def warm_up(self) -> None:
        """Learn a little of the first task, so that there is something to replay."""
        from charon.tuning.cluster.cost import phase_costs

        phase_costs(self._stream, self._stream.tasks.tasks[0])

    def footprint(self) -> Footprint:
        """Return what the run takes of its GPU, with a whole task and a full memory."""
        import torch

        from charon.tuning.cluster.cost import cost_of

        cost = cost_of(self._fields, self._archive, self._cpus)
        free, total = torch.cuda.mem_get_info()
        beside = total - free - torch.cuda.memory_reserved()  # CUDA's own, and other programs'
        return Footprint(cost.gpu_bytes + beside, total)

    def steps_per_second(self) -> float:
        """Return how fast the main phase of the second task goes, replay included."""
        from charon.tuning.cluster.cost import phase_costs

        tasks = self._stream.tasks.tasks
        phases, _ = phase_costs(
            self._stream, tasks[min(1, len(tasks) - 1)], at_least=MEASURED_SECONDS
        )
        return 1 / next(phase.seconds for phase in phases if phase.name == "train")


def _last_line(error: BaseException) -> str:
    """Return what a failed process said itself, which stands below Ray's traceback."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].rstrip(".")
