"""The batch script that runs a study on machines that SLURM lends for a time.

Ray starts on each machine, the study on the first. Before the time is over SLURM sends a signal,
the study stops as with Ctrl-C, and the job is put back into the queue, where it goes on by
``--resume``; so does a job that was preempted. Source: Ray's documentation (Deploying on Slurm)
and SLURM's of sbatch.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charon.errors import ConfigError

OF_THE_JOB = ("--address", "--resume")
"""Options of a study that the script gives."""

STOP_SECONDS = 300
"""Before the end of the time the study is stopped: tasks that run are learned again later."""


@dataclass(frozen=True)
class Job:
    """What is asked of SLURM.

    Attributes:
        study: the study's file and its options.
        nodes: machines.
        gpus, cpus: of each machine.
        hours: of a sitting, at least a quarter.
        folder: where the study is started; it, the results and the cache are on storage that all
            machines reach.
        setup: a line of shell that makes the Python environment ready on a machine.
        options: more options of sbatch, such as ``--partition=long``.
    """

    study: Sequence[str]
    nodes: int
    gpus: int
    cpus: int
    hours: float
    folder: Path
    setup: str = ""
    options: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.hours < 0.25:
            raise ConfigError(f"`hours >= 0.25` must hold for a job, but got hours={self.hours:g}.")
        taken = next((w for w in self.study if w.partition("=")[0] in OF_THE_JOB), None)
        if taken is not None:
            raise ConfigError(f"The job itself gives the study {taken}; leave it out.")

    @property
    def name(self) -> str:
        """Of the job and of its log."""
        return f"charon-{Path(self.study[0]).stem}"

    def script(self) -> str:
        """Return the batch script."""
        minutes = round(60 * self.hours)
        requests = [
            f"--job-name={self.name}",
            f"--nodes={self.nodes}",
            "--ntasks-per-node=1",
            f"--cpus-per-task={self.cpus}",
            *([f"--gpus-per-node={self.gpus}"] if self.gpus else []),
            f"--time={minutes // 60:02d}:{minutes % 60:02d}:00",
            f"--signal=B:USR1@{STOP_SECONDS}",
            "--requeue",
            "--open-mode=append",
            f"--output={self.folder / self.name}-%j.log",
            *self.options,
        ]
        head = "".join(f"#SBATCH {request}\n" for request in requests)
        return f"#!/bin/bash\n{head}" + SCRIPT.format(
            folder=shlex.quote(str(self.folder)),
            setup=self.setup or ":",
            cpus=self.cpus,
            gpus=self.gpus,
            nodes=self.nodes,
            study=shlex.join(self.study),
        )


SCRIPT = """\
cd {folder} || exit 1
{setup}
# One port a job, and a short temporary folder: a socket's path may have 107 characters.
port=$((20000 + SLURM_JOB_ID % 20000))
temporary=/tmp/ray-$SLURM_JOB_ID
sizes="--num-cpus={cpus} --num-gpus={gpus}"
nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
on() {{ node=$1; shift; srun --overlap --nodes=1 --ntasks=1 --nodelist="$node" "$@"; }}
address=$(on "${{nodes[0]}}" hostname --ip-address | awk '{{print $1; exit}}')

on "${{nodes[0]}}" ray start --head --node-ip-address="$address" --port="$port" \\
    --temp-dir="$temporary" --dashboard-host=127.0.0.1 --dashboard-port=$((port + 20000)) \\
    $sizes --block &
for node in "${{nodes[@]:1}}"; do
    for _ in $(seq 120); do (: < "/dev/tcp/$address/$port") 2> /dev/null && break; sleep 1; done
    on "$node" ray start --address="$address:$port" $sizes --block &
done
python -m charon.tuning.cluster.nodes "$address:$port" {nodes} || exit 1

python {study} --address "$address:$port" --resume &
study=$!
is_over=
trap 'is_over=1; kill -TERM "$study" 2> /dev/null' USR1
wait "$study"
status=$?
while kill -0 "$study" 2> /dev/null; do wait "$study"; status=$?; done
on "${{nodes[0]}}" rm -rf "$temporary"
# 130: interrupted. The job waits for its next turn, and goes on there.
if [ -n "$is_over" ] && [ "$status" = 130 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$status"
"""
