"""The n-th call fails in a study on Ray: in a trial's process, or in the driver.

Run    python tests/faults/whole.py --calls 5 60 150
Says   what struck and what became of it, a line a study; see ``sweep.py`` for the faults.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults import preload  # noqa: E402
from faults.facts import facts  # noqa: E402
from faults.sweep import problems_of  # noqa: E402
from tuning.study_runs import STUDY, write_clips  # noqa: E402

PROGRAMS = {"trial": "default_worker.py", "driver": STUDY.name}
"""By what the command line of a process tells that it is one."""


class Ended:
    def __init__(self, status, said, found, strikes):
        self.status, self.said, self.facts, self.strikes = status, said, found, strikes


def run(place, library, *flags, fault=None):
    """Run the study of ``place`` through Ray; ``fault`` is a number, a kind and a process."""
    home, log = place / "home", place / "strikes.log"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for old in place.glob("strikes.log*"):
        old.unlink()
    if fault is not None:
        number, kind, program = fault
        thread = preload.THREADS["driver"] if program == "driver" else 0
        words = (home, number, preload.KINDS[kind], thread, log, PROGRAMS[program])
        environment = preload.preloaded(library, **environment)
        environment["FAULTS"] = "|".join(map(str, words))
    places = ["--results", str(home / "results"), "--cache", str(home / "cache")]
    command = [sys.executable, str(STUDY), "grid", "--data", str(place / "clips.npz"), *places]
    ended = subprocess.run(
        [*command, "--set", "optimiser.epochs=1", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    try:
        found = facts(home / "results", home / "cache", "tiny")
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    return Ended(ended.returncode, ended.stdout, found, preload.strikes(log))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", nargs="+", type=int, default=[20], help="their numbers")
    parser.add_argument("--kind", nargs="+", default=list(preload.KINDS))
    parser.add_argument("--process", nargs="+", default=list(PROGRAMS))
    given = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="faults-"))
    num_struck = num_wrong = num = 0
    try:
        library = preload.build(place)
        write_clips(place / "clips.npz")
        calm = run(place, library)
        assert calm.status == 0, calm.said
        assert not isinstance(calm.facts, str), calm.facts
        for fault in [(n, k, p) for n in given.calls for k in given.kind for p in given.process]:
            shutil.rmtree(place / "home")
            first = last = run(place, library, fault=fault)
            strike = first.strikes[0] if first.strikes else None
            if first.status:
                last = run(place, library, "--resume")
            # A trial's process is not the one whose status is known.
            seen = [] if fault[2] == "trial" else first.strikes
            wrong = problems_of(calm.facts, Ended(first.status, first.said, None, seen), last)
            num, num_struck, num_wrong = (
                num + 1,
                num_struck + bool(strike and strike.struck),
                num_wrong + bool(wrong),
            )
            where = f"{strike.call} {Path(strike.path).name}" if strike else "not reached"
            words = "; ".join(wrong) or "survived"
            print(*fault, where, f"status {first.status}", words, sep=", ", flush=True)
        print(f"{num} faults injected, {num_struck} struck, {num_struck - num_wrong} survived")
        sys.exit(1 if num_wrong or not num_struck else 0)
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
