"""The batch script that runs a study on machines that SLURM lends for a time.

Ray starts on each machine, the study on the first. Before the time is over SLURM sends a signal,
the study stops as with Ctrl-C, and the job is put back into the queue, where it goes on by
``--resume``; so does a job that was preempted. Source: Ray's documentation (Deploying on Slurm,
Token authentication) and SLURM's of sbatch, srun and scontrol.
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
        container: an image of Apptainer in which Ray and the study run; empty for none.
    """

    study: Sequence[str]
    nodes: int
    gpus: int
    cpus: int
    hours: float
    folder: Path
    setup: str = ""
    options: Sequence[str] = ()
    container: str = ""

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
            f"--output={self._log}",
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
            inside=self._inside,
        )

    @property
    def _log(self) -> str:
        """The path as sbatch reads it: ``%`` is a symbol of its own there."""
        place = str(self.folder / self.name).replace("%", "%%")
        return shlex.quote(f"{place}-%j.log")

    @property
    def _inside(self) -> str:
        """What stands before a command that runs in the container."""
        if not self.container:
            return ""
        devices = ["--nv"] if self.gpus else []
        bound = ["--bind", str(self.folder), self.container]
        return f"{shlex.join(['apptainer', 'exec', *devices, *bound])} "


SCRIPT = """\
cd {folder} || exit 1
{setup}
# Before the time is over. Until the study runs there is nothing to stop.
is_over=
study=
trap 'is_over=1; [ -z "$study" ] || kill -TERM "$study" 2> /dev/null' USR1
# Two ports a job, and a short temporary folder: a socket's path may have 107 characters.
port=$((20000 + 2 * (SLURM_JOB_ID % 10000)))
temporary=/tmp/ray-$SLURM_JOB_ID
# Ray lets everybody read and write its folder, but nobody else gets through the one above.
srun --overlap --ntasks-per-node=1 sh -c "rm -rf $temporary && mkdir -m 700 $temporary" || exit 1
sizes="--num-cpus={cpus} --num-gpus={gpus}"
# Ray's head asks for a token wherever there is one; on the other machines it must be told.
RAY_AUTH_TOKEN=$({inside}ray get-auth-token --generate 2> /dev/null) || exit 1
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token
nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
# Since 22.05 srun no longer takes the job's number of cores for its own. In the background alone:
# srun takes the place of the shell, so that what ends the job ends Ray.
on() {{ node=$1; shift; exec srun --overlap --nodes=1 --ntasks=1 --cpus-per-task={cpus} \\
    --nodelist="$node" "$@"; }}
# Many machines know themselves as 127.0.0.1 or 127.0.1.1, where no other one finds them.
address=$( (hostname --ip-address; hostname --all-ip-addresses) | tr ' ' '\\n' |
    grep -E '^[0-9.]+$' | grep -v '^127[.]' | head -n 1)

on "${{nodes[0]}}" {inside}ray start --head --node-ip-address="$address" --port="$port" \\
    --ray-client-server-port=$((port + 1)) --temp-dir="$temporary/r" \\
    --dashboard-host=127.0.0.1 --dashboard-port=$((port + 20000)) $sizes --block &
for node in "${{nodes[@]:1}}"; do
    for _ in $(seq 120); do (: < "/dev/tcp/$address/$port") 2> /dev/null && break; sleep 1; done
    on "$node" {inside}ray start --address="$address:$port" $sizes --block &
done
ray=$(jobs -p)
{inside}python -m charon.tuning.cluster.nodes "$address:$port" {nodes} || exit 1

{inside}python {study} --address "$address:$port" --resume &
study=$!
[ -z "$is_over" ] || kill -TERM "$study"
wait "$study"
status=$?
while kill -0 "$study" 2> /dev/null; do wait "$study"; status=$?; done
kill $ray 2> /dev/null
wait
srun --overlap --ntasks-per-node=1 rm -rf "$temporary"
# 130: interrupted. The job waits for its next turn, and goes on there.
if [ -n "$is_over" ] && [ "$status" = 130 ]; then
    scontrol requeue "$SLURM_JOB_ID" || echo "error: submit the job again; it goes on." >&2
fi
exit "$status"
"""
