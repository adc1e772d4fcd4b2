"""End a process on any machine of the cluster, even one that is stopped or does not answer."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from charon.tuning.records.heartbeat import Process


def end_process(process: Process) -> None:
    """Kill a process on its node, soon, if it is still called what it was.

    Ray's own way of ending an actor leaves a stopped process alone, and calls it dead: were it
    continued, two processes would learn its trial.
    """
    # Imported here because a refused study or a dry run never needs Ray.
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    there = NodeAffinitySchedulingStrategy(process.node, soft=False)
    ray.remote(num_cpus=0, scheduling_strategy=there)(kill).remote(process)


def kill(process: Process) -> None:
    """Kill a process of this machine, if it is still called what it was."""
    named = Path("/proc") / str(process.number) / "cmdline"
    with suppress(OSError):
        # Numbers are used again; where there is no such file, they must do.
        if not named.parents[1].exists() or process.title in named.read_text():
            os.kill(process.number, signal.SIGKILL)
