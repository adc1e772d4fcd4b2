"""MLflow's server is away for a third of a study, in six ways; then all of it must be there, once.

Run    python tests/faults/tracking_away.py
Says   for each way what the server has in the end, beside a study for which it was always there.

The server is MLflow's own, on an SQLite file (mlflow_server.py). The study is a grid
of eight trials. They run in the driver's process, one after the other, without Ray.
"""

import argparse
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

TIMED = re.compile(r"time/|epochs_per_hour|clips_per_second")
CLIENT_WAITS = 2


WAYS = {
    "stopped": "takes connections and answers none; what it was asked it does when it goes on",
    "killed": "its port is closed, and every other answer before that was lost",
    "500": "answers with status 500",
    "slow": "every other answer comes later than a client waits for it",
    "full": "the disk under its SQLite file is full",
    "locked": "another process has locked its SQLite file",
}


class Process:
    """The server in a process of its own."""

    def __init__(self, folder, *, client_waits):
        self.folder = folder
        program = [
            sys.executable,
            str(Path(__file__).with_name("mlflow_server.py")),
            str(folder),
            str(client_waits),
        ]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(program, **pipes, text=True)
        self.uri = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._process.kill()
        self._process.communicate()

    def leave(self, way):
        """Be away in one of the ways."""
        self._say(way)

    def come_back(self):
        """Be there again; return how many requests met the server away."""
        return self._say("")

    def _say(self, line):
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


class Arrived(NamedTuple):
    """What MLflow has of a study, its runs by name.

    Attributes:
        runs: how many active runs have this name.
        metrics: how many values there are of a metric of a run at a step.
        values: of the metrics that no clock decides.
        about: status, outcome, parameters and files of a run.
    """

    runs: Counter
    metrics: Counter
    values: dict
    about: dict


def arrived(folder, experiment):
    """Return what the server in ``folder`` has of an experiment; the study's run is ``""``."""
    with sqlite3.connect(f"file:{folder / 'mlflow.db'}?mode=ro", uri=True) as database:
        runs = database.execute(
            "select r.run_uuid, k.value, r.name, r.status, r.artifact_uri from runs r"
            " join experiments e using (experiment_id)"
            " join tags k on k.run_uuid = r.run_uuid and k.key = 'kind'"
            " where e.name = ? and r.lifecycle_stage = 'active'",
            [experiment],
        ).fetchall()
        found = Arrived(Counter(), Counter(), {}, {})
        for run, kind, label, status, artifacts in runs:
            name = label if kind == "trial" else ""
            found.runs[name] += 1
            tags = dict(database.execute("select key, value from tags where run_uuid = ?", [run]))
            params = database.execute("select key, value from params where run_uuid = ?", [run])
            below = folder / "artifacts" / artifacts.removeprefix("mlflow-artifacts:/")
            files = sorted(path.name for path in below.rglob("*") if path.is_file())
            found.about[name] = status, tags.get("outcome"), sorted(params), files
            rows = database.execute(
                "select key, step, value from metrics where run_uuid = ?", [run]
            )
            for key, step, value in rows:
                found.metrics[name, key, step] += 1
                if not TIMED.search(key):
                    found.values[name, key, step] = value
    return found


def differences(calm, other):
    """Return in sentences how what MLflow has of one study differs from another's."""
    lost = [name for name in calm.runs if name not in other.runs]
    lost += [metric for metric in calm.metrics if metric not in other.metrics]
    doubled = [name for name, count in other.runs.items() if count > 1]
    doubled += [metric for metric, count in other.metrics.items() if count > calm.metrics[metric]]
    changed = [name for name, value in calm.values.items() if other.values.get(name) != value]
    changed += [name for name, about in calm.about.items() if other.about.get(name) != about]
    found = {"lost": lost, "doubled": doubled, "different": [x for x in changed if x not in lost]}
    return [f"{which}: {what}" for which, all_of in found.items() for what in all_of]


def learn(arguments):
    """Be the study's program."""
    from charon.tuning import Study, main
    from charon.tuning.cluster.cluster import prepare_environment

    prepare_environment()
    import matplotlib as mpl

    mpl.use("agg")
    from faults.one_process import stand_in_for_ray

    stand_in_for_ray()
    study = Study(
        name="away",
        question="Does it all arrive?",
        base={"data.classes_per_task": 3, "learner.masking_ratio": 0.3},
        grid={"learner.alpha": [0.3, 0.6]},
        seeds=(0, 1, 2, 3),
    )
    main(study, arguments)


def reports_of(folder):
    """Return how many reports the study's journal has by now."""
    path = folder / "results" / "away" / "journal.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return sum('"kind": "report"' in line for line in lines)


def try_way(way, place, clips, epochs):
    """Run the study, and resume it if something is missing; return what is known of it."""
    folder = place / (way or "calm")
    folder.mkdir()
    places = ["--results", str(folder / "results"), "--cache", str(place / "cache")]
    more = ["--set", f"optimiser.epochs={epochs}", "--data", str(clips), *places]
    environment = {**os.environ, "MLFLOW_HTTP_REQUEST_TIMEOUT": str(CLIENT_WAITS)}
    with Process(folder, client_waits=CLIENT_WAITS) as server:
        program = [sys.executable, __file__, "--learn", *more, "--tracking-uri", server.uri]
        process = subprocess.Popen(
            program,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=folder,
        )
        asked = 0
        if way:
            wait_for(lambda: reports_of(folder) >= 5, process)
            server.leave(way)
            began = time.monotonic()
            wait_for(lambda: reports_of(folder) >= 11, process)
            asked, seconds = server.come_back(), time.monotonic() - began
        said = process.communicate()[0]
        status, is_resumed = process.returncode, "it is sent with the next --resume" in said
        if is_resumed:
            again = subprocess.run([*program, "--resume"], env=environment, cwd=folder, check=True)
            assert again.returncode == 0
    assert status == 0, said
    about = {"asked": asked, "seconds": round(seconds, 1) if way else 0, "resumed": is_resumed}
    return arrived(folder, "away"), about


def wait_for(is_so, process):
    while not is_so() and process.poll() is None:
        time.sleep(0.02)


def row(way, calm, found, about):
    """Return a line of the table."""
    problems = Counter(each.partition(":")[0] for each in differences(calm, found))
    return (
        f"| {way} | {about['seconds']} s, {about['asked']} requests | {len(calm.runs)} | "
        f"{len(found.runs)} | {len(calm.metrics)} | {len(found.metrics)} | "
        f"{problems['doubled']} | {problems['lost']} | {problems['different']} | "
        f"{'--resume' if about['resumed'] else 'the end'} |"
    )


def main():
    from tuning.study_runs import write_clips

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--way", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--epochs", type=int, default=40, help="of each task")
    given = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="away-"))
    try:
        clips = write_clips(place / "clips.npz")
        calm, _ = try_way("", place, clips, given.epochs)
        print(
            "| way | away | runs expected | arrived | metrics expected | arrived | doubled ", end=""
        )
        print("| lost | different | all there after |\n" + "|---" * 10 + "|", flush=True)
        wrong = []
        for way in given.way:
            found, about = try_way(way, place, clips, given.epochs)
            print(row(way, calm, found, about), flush=True)
            wrong += differences(calm, found)
            wrong += [] if about["asked"] or way == "killed" else [f"{way} met no request"]
        print(*wrong[:20], sep="\n")
        sys.exit(1 if wrong else 0)
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--learn"]:
        learn(sys.argv[2:])
    else:
        main()
