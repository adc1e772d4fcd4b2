"""The n-th call fails: a study is run, one of its calls fails, it is resumed and compared.

Run    python tests/faults/sweep.py --every 1
Says   how many faults were injected, struck and survived, and what was lost, doubled or different.

The calls are those that change a file of the results or of the prepared sets: open, write, fsync,
rename, link, mkdir, unlink and their like, of Python, of torch, and of SQLite. Each fails in four
ways: no space left, an error of the disk, a short write, and the end of the process. Then the study
goes on with ``--resume``. It must end as a study that nothing happened to: the same metrics bit for
bit, each task reported once, nothing left over, nothing running. Trials run in the driver's
process, one after the other, without Ray.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from faults import preload  # noqa: E402


def differences(calm, other, at=""):
    """Yield where two nested values differ."""
    if isinstance(calm, dict) and isinstance(other, dict):
        for name in dict.fromkeys([*calm, *other]):
            if name not in other:
                yield f"{at}/{name} is lost"
            elif name not in calm:
                yield f"{at}/{name} is new"
            else:
                yield from differences(calm[name], other[name], f"{at}/{name}")
    elif isinstance(calm, list | tuple) and isinstance(other, list | tuple):
        if len(calm) != len(other):
            yield f"{at} has {len(other)} items, not {len(calm)}"
        for number, (one, two) in enumerate(zip(calm, other, strict=False)):
            yield from differences(one, two, f"{at}[{number}]")
    elif calm != other:
        yield f"{at} is {str(other)[:200]}, not {str(calm)[:200]}"


def problems_of(calm, first, last):
    """Return what is wrong with a study that was struck (``first``) and has gone on (``last``)."""
    found = []
    strike = first.strikes[0] if first.strikes else None
    if strike and strike.struck and strike.kind == "SIGKILL" and first.status != -9:
        found.append(f"status {first.status}: the process was not killed")
    if first.status not in (0, 1, 130, -9):
        found.append(f"status {first.status} after the fault")
    if first.status != -9 and "Traceback" in first.said:
        found.append("a traceback after the fault")
    if last.status != 0:
        found.append(f"status {last.status} in the end")
    if isinstance(last.facts, str):
        found.append(last.facts.strip().splitlines()[-1])
    elif last.status == 0:
        found += list(differences(calm, last.facts))[:5]
    return found


def try_fault(bench, calm, number, kind, thread):
    """Run the study whose n-th call fails, and resume it; return what struck and what is wrong."""
    first = last = bench.run(number=number, kind=kind, thread=thread)
    if first.strikes and first.strikes[0].struck and (first.status or "--resume" in first.said):
        last = bench.run("--resume", anew=False)
    wrong = problems_of(calm, first, last)
    if wrong:
        wrong += ["said:", *first.said.splitlines()[-6:], "then:", *last.said.splitlines()[-3:]]
    return first, wrong


def control(bench, calm, thread):
    """Check that the comparison sees what is lost: a study killed halfway, before it goes on."""
    half = bench.run(number=len(calm.strikes) // 2, kind="SIGKILL", thread=thread)
    assert (half.status, half.strikes[0].struck) == (-9, True), half
    assert problems_of(calm.facts, half, bench.look()), "a study killed halfway looks complete"


def sweep(kind_of_study, threads, kinds, every, start, place):
    """Try every so many of all pairs of a call and a kind; return the counts, with all problems."""
    from faults.cases import Bench  # imports all that a study does

    bench = Bench(place, kind_of_study)
    total = Counter()
    for thread in threads:
        calm = bench.run(number=0, thread=thread)
        assert calm.status == 0, calm.said
        assert not isinstance(calm.facts, str), calm.facts
        pairs = [(n, kind) for n in range(1, len(calm.strikes) + 1) for kind in kinds]
        counts = Counter(calls=len(calm.strikes))
        control(bench, calm, thread)
        tried = pairs[start::every]
        for place, (number, kind) in enumerate(tried):
            if place % 100 == 99:
                print(f"{kind_of_study}, {thread}: {place} of {len(tried)}", file=sys.stderr)
            first, wrong = try_fault(bench, calm.facts, number, kind, thread)
            counts["injected"] += 1
            if not first.strikes:
                counts["not reached"] += 1
            elif not first.strikes[0].struck:
                counts["of no meaning"] += 1  # such as a short write of a rename
            else:
                counts["struck"] += 1
                counts["killed"] += first.status == -9
                counts["ended by it"] += first.status in (1, 130)
            if wrong:
                counts["wrong"] += 1
                strike = first.strikes[0] if first.strikes else "nothing"
                print(f"\n{kind_of_study} {thread} {number} {kind}: {strike}")
                print(*(f"    {line}" for line in wrong), sep="\n", flush=True)
        said = ", ".join(f"{count} {name}" for name, count in counts.items())
        print(f"{kind_of_study}, {thread}: {said}", flush=True)
        total += counts
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", nargs="+", default=["grid", "search"])
    parser.add_argument("--thread", nargs="+", default=list(preload.THREADS))
    parser.add_argument("--kind", nargs="+", default=list(preload.KINDS))
    parser.add_argument("--every", type=int, default=1, help="of all pairs of a call and a kind")
    parser.add_argument("--start", type=int, default=0, help="the first pair, from 0")
    given = parser.parse_args()
    if preload.COMPILER is None:
        sys.exit("There is no C compiler (cc), which the library that makes calls fail needs.")
    # Not a TemporaryDirectory, which would be removed at the end of the first fork.
    place = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        if "LD_PRELOAD" not in os.environ:
            library = preload.build(place)
            environment = preload.preloaded(library, OMP_NUM_THREADS="1", PYTHONUNBUFFERED="1")
            sys.exit(subprocess.run([sys.executable, *sys.argv], env=environment).returncode)
        began, total = time.time(), Counter()
        for study in given.study:
            (place / study).mkdir()
            total += sweep(study, given.thread, given.kind, given.every, given.start, place / study)
        minutes = (time.time() - began) / 60
        print(
            f"{total['injected']} faults injected, {total['struck']} struck, "
            f"{total['struck'] - total['wrong']} survived; {total['wrong']} lost, doubled or "
            f"different; {minutes:.0f} minutes"
        )
        sys.exit(1 if total["wrong"] or not total["struck"] else 0)
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
