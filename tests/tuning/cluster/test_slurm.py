"""A study's batch script: what it asks SLURM for, and that it stops, queues and goes on."""

import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from charon.errors import ConfigError
from charon.tuning.cluster.nodes import wait_for_nodes
from charon.tuning.cluster.slurm import Job

ROOT = Path(__file__).parents[3]

STUBS = {
    # It runs here whatever is to run on another machine.
    "srun": 'while [ "${1#-}" != "$1" ]; do shift; done\nexec "$@"\n',
    "scontrol": 'if [ "$1" = show ]; then echo one; echo two; else echo "$@" >> "$STUB_LOG"; fi\n',
}


def job(folder, *study, **changes):
    fields = {"nodes": 2, "gpus": 8, "cpus": 32, "hours": 1.5, **changes}
    return Job([*study] or ["studies/search.py", "--trials", "9"], folder=folder, **fields)


def test_it_asks_for_machines_and_time_and_a_signal_before_the_end(tmp_path):
    lines = job(tmp_path, options=["--partition=long"]).script().splitlines()
    asked = {line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH")}
    assert {"--nodes=2", "--gpus-per-node=8", "--cpus-per-task=32", "--time=01:30:00"} <= asked
    assert {"--signal=B:USR1@300", "--requeue", "--partition=long"} <= asked
    assert "--gpus-per-node" not in job(tmp_path, gpus=0).script()


def test_names_with_spaces_stay_in_one_piece(tmp_path):
    script = job(tmp_path, "my studies/one.py", "--results", "a b").script()
    assert "python 'my studies/one.py' --results 'a b' --address" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_a_path_is_as_sbatch_reads_it(tmp_path):
    script = job(tmp_path / "my 100%").script()
    assert f"#SBATCH --output='{tmp_path}/my 100%%/charon-search-%j.log'\n" in script


def test_in_a_container_run_ray_and_the_study_and_nothing_else(tmp_path):
    lines = job(tmp_path, container="/images/my charon.sif").script().splitlines()
    inside = f"apptainer exec --nv --bind {tmp_path} '/images/my charon.sif' "
    ran = [line for line in lines if "ray start" in line or "python " in line]
    assert len(ran) == 4
    assert all(inside in line for line in ran)
    assert sum("apptainer" in line for line in lines) == 5  # and that which gets Ray's token
    assert "--nv" not in job(tmp_path, container="a.sif", gpus=0).script()
    assert "apptainer" not in job(tmp_path).script()


def test_each_step_asks_for_its_cores_and_all_machines_know_the_token(tmp_path):
    script = job(tmp_path).script()
    assert "--cpus-per-task=32 \\\n" in script
    assert "export RAY_AUTH_TOKEN RAY_AUTH_MODE=token\n" in script


@pytest.mark.parametrize(
    ("study", "changes", "message"),
    [
        (("a.py", "--resume"), {}, "The job itself gives the study --resume; leave it out."),
        (("a.py", "--address=x"), {}, "gives the study --address=x"),
        (("a.py",), {"hours": 0.1}, "hours >= 0.25"),
    ],
)
def test_what_does_not_fit_a_job_is_refused(tmp_path, study, changes, message):
    with pytest.raises(ConfigError, match=message):
        job(tmp_path, *study, **changes)


def test_machines_are_waited_for_until_all_are_alive():
    seen = [[True], [True, False], [True, True]]
    nodes = (([{"Alive": alive} for alive in each]) for each in seen)
    assert wait_for_nodes(lambda: next(nodes), 2, pause=0.0) == 2
    assert wait_for_nodes(lambda: [{"Alive": True}], 2, seconds=0.0) == 1


def stubs(folder):
    """Write SLURM's commands as they are on a machine of its own; return the environment."""
    folder.mkdir()
    for name, text in STUBS.items():
        path = folder / name
        path.write_text(f"#!/bin/bash\n{text}")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    log = folder / "log"
    log.touch()
    return {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "STUB_LOG": str(log),
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NODELIST": "one,two",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
    }


def sitting(script, environment, *, stop_after=None):
    """Run the job; send its signal when the study has reported so many tasks."""
    journal, stops = stop_after or (None, 0)
    process = subprocess.Popen(
        ["setsid", "bash", str(script)], env=environment, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        while stops and process.poll() is None:
            if journal.exists() and journal.read_text().count('"kind": "report"') >= stops:
                os.kill(process.pid, signal.SIGUSR1)
                break
            time.sleep(0.2)
        said, _ = process.communicate(timeout=400)
    finally:
        # All that the job started, and nothing else, is in its session.
        subprocess.run(["pkill", "-TERM", "-s", str(process.pid)], check=False)
    return process.returncode, said


@pytest.mark.slow
def test_a_job_stops_before_its_time_is_over_and_the_next_one_ends_the_study(tmp_path):
    environment = stubs(tmp_path / "bin")
    study = ROOT / "studies" / "masking_ratio.py"
    words = [str(study), "--results", str(tmp_path / "results"), "--seeds", "0"]
    script = tmp_path / "job.sbatch"
    words += ["--set", "optimiser.epochs=1", "--cache", str(tmp_path / "cache")]
    script.write_text(job(tmp_path, *words, gpus=0, cpus=1).script())
    journal = tmp_path / "results" / "masking_ratio" / "journal.jsonl"
    status, said = sitting(script, environment, stop_after=(journal, 3))
    assert status == 130, said
    assert Path(environment["STUB_LOG"]).read_text() == f"requeue {os.getpid()}\n"
    # Another job id, as the ports of the first may not be free yet.
    status, said = sitting(script, {**environment, "SLURM_JOB_ID": str(os.getpid() + 1)})
    assert status == 0, said
    assert journal.read_text().count('"kind": "study_end"') == 2
