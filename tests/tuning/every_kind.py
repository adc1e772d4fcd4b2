"""A study of every kind of data that is read, and of every stream: does it reach its figure?

Run    python tests/tuning/every_kind.py                  # through Ray, as a user does
       python tests/tuning/every_kind.py --in-process     # faster: trials one after the other
       python tests/tuning/every_kind.py --only npz poet  # kinds with one of these words
Says   a row each: the clips and classes that were found, the tasks, the seconds of
       `python studies/masking_ratio.py --data ... --smoke`, and its outcome.

The sets are made, small, and synthetic: what is measured on them says nothing.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from data.every_kind import KINDS, QUESTIONS, Kind  # noqa: E402

from charon.data.cache.archive import Archive, list_archives  # noqa: E402

STUDY = ROOT / "studies" / "masking_ratio.py"
ENVIRONMENT = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Outcome:
    """What a study of a kind came to; ``problem`` is empty if all is as it should be."""

    num_clips: int
    num_classes: int
    num_tasks: int
    seconds: float
    problem: str


IN_PROCESS = (
    "import runpy, sys, mlflow; from faults.one_process import stand_in_for_ray; "
    "stand_in_for_ray(); sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)
"""Runs a program without Ray's processes, all else being the same."""


def smoke(kind: Kind, folder: Path, *, in_process: bool) -> Outcome:
    """Make the set, run the study on it, remove both."""
    folder.mkdir()
    data = str(kind.make(folder))
    places = ("--results", str(folder / "results"), "--cache", str(folder / "cache"))
    start = ["-c", IN_PROCESS] if in_process else []
    command = [sys.executable, *start, str(STUDY), "--data", data, "--smoke", *kind.words, *places]
    began = time.monotonic()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
    )
    seconds = time.monotonic() - began
    try:
        if done.returncode:
            lines = done.stderr.strip().splitlines() or done.stdout.strip().splitlines()
            return Outcome(0, 0, 0, seconds, f"exit {done.returncode}: {lines[-1][:400]}")
        return looked_at(kind, folder, seconds)
    finally:
        shutil.rmtree(folder)


def looked_at(kind: Kind, folder: Path, seconds: float) -> Outcome:
    """Return what the study left."""
    results = folder / "results" / "masking_ratio"
    archive = Archive(*list_archives(folder / "cache"))
    with (results / "trials.csv").open(encoding="utf-8", newline="") as file:
        trials = list(csv.DictReader(file))
    ran = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((results / "trials").glob("*/run.json"))
    ]
    num_clips, num_classes = archive.num_clips, len(ran[0]["class_names"])
    problems = [
        *(f"{t['name']} {t['status']}" for t in trials if t["status"] != "finished"),
        *(f"no {name}" for name in ("figure.png", "README.md") if not (results / name).exists()),
    ]
    if (num_clips, num_classes) != (kind.num_clips, kind.num_classes):
        problems.append(f"expected {kind.num_clips} clips of {kind.num_classes} classes")
    tasks = int(trials[0]["num_tasks"])
    return Outcome(num_clips, num_classes, tasks, seconds, "; ".join(problems))


def run(kinds: Sequence[Kind], place: Path, *, in_process: bool) -> list[Outcome]:
    """Run a study of each, and print a row of each as it ends."""
    head = f"{'kind':<30} {'clips':>6} {'classes':>7} {'tasks':>5} {'seconds':>7}  outcome"
    print(head, flush=True)
    outcomes = []
    for number, kind in enumerate(kinds):
        found = smoke(kind, place / str(number), in_process=in_process)
        outcomes.append(found)
        print(
            f"{kind.name:<30} {found.num_clips:6d} {found.num_classes:7d} {found.num_tasks:5d} "
            f"{found.seconds:7.0f}  {found.problem or 'figure and table'}",
            flush=True,
        )
    return outcomes


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="in a kind's name")
    parser.add_argument("--in-process", action="store_true", help="without Ray's processes")
    given = parser.parse_args()
    chosen = [k for k in (*KINDS, *QUESTIONS) if any(word in k.name for word in given.only)]
    with tempfile.TemporaryDirectory() as place:
        outcomes = run(chosen, Path(place), in_process=given.in_process)
    failed = sum(bool(each.problem) for each in outcomes)
    print(f"{len(outcomes)} studies, {failed} not as they should be")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
