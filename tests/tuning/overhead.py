"""What a study costs beside learning: a program that runs one and reads its journal.

Run    python tests/tuning/overhead.py --trials 24 --epochs 24
Says   the wall time of the command, how much of it was learning, and where the rest went.

All trials are alike but for their seed and run two at a time on a core each, so the time
beside learning hardly depends on how long they learn. The stand-in's cache should be there
already: run it once before, with ``--trials 4 --epochs 1``.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from charon.tuning import Study, main
from charon.tuning.records.journal import Journal

AT_ONCE = 2

study = Study(
    name="overhead",
    question="What does a study cost beside learning?",
    base={"learner": "charon"},
    grid={"learner.masking_ratio": [0.3]},
)


@dataclass(frozen=True)
class Spell:
    """When a trial learned: seconds since the epoch, and those it learned by its own clock."""

    begin: float
    end: float
    learning: float


def spells(journal: Journal) -> list[Spell]:
    """Return when each trial learned, in the order in which they began."""
    found = []
    for trial in journal.trials:
        reports = [event for event in journal.of_kind("report") if event["trial"] == trial]
        learning = sum(event["seconds"] for event in reports)
        begin = reports[0]["time"] - reports[0]["seconds"]
        found.append(Spell(begin, reports[-1]["time"], learning))
    return sorted(found, key=lambda spell: spell.begin)


def gaps(found: list[Spell]) -> list[float]:
    """Return the seconds from each end to the beginning that took its place."""
    ends = sorted(spell.end for spell in found)
    return [after.begin - end for end, after in zip(ends, found[AT_ONCE:], strict=False)]


def describe(found: list[Spell], started: float, ended: float) -> str:
    """Return the table for a command that ran from ``started`` to ``ended``."""
    wall, learning = ended - started, sum(spell.learning for spell in found) / AT_ONCE
    each = [spell.learning for spell in found]
    rows = [
        ("wall", wall, ""),
        ("learning", learning, f"{len(found)} trials of {min(each):.1f} to {max(each):.1f} s"),
        ("not learning", wall - learning, ""),
        ("first step", found[0].begin - started, "after the command"),
        ("between trials", statistics.median(gaps(found)), f"median, {max(gaps(found)):.2f} most"),
        ("after the last", ended - max(spell.end for spell in found), "until the command ends"),
    ]
    return "\n".join(f"{name:15} {value:7.2f} s  {more}".rstrip() for name, value, more in rows)


def measure(trials: int, epochs: int) -> None:
    """Run the study as a program of its own and print where its time went."""
    with tempfile.TemporaryDirectory() as folder:
        seeds = [str(seed) for seed in range(trials)]
        flags = ["--seeds", *seeds, "--results", folder, "--set", f"optimiser.epochs={epochs}"]
        started = time.time()
        subprocess.run([sys.executable, __file__, "study", *flags], check=True)
        ended = time.time()
        journal = Journal(Path(folder) / study.name / "journal.jsonl")
    print(describe(spells(journal), started, ended))


if __name__ == "__main__":
    if sys.argv[1:2] == ["study"]:
        main(study, sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=24, help="an even number, at least 4")
    parser.add_argument("--epochs", type=int, default=24, help="of each task")
    given = parser.parse_args()
    if given.trials < 4 or given.trials % AT_ONCE or given.epochs < 1:
        parser.error("--trials takes an even number of at least 4, --epochs one of at least 1.")
    measure(given.trials, given.epochs)
