"""Damaged inputs for every reader, guided by what of the package they reach.

Needs  pip install atheris  (Linux)
Run    python tests/fuzzing/guided.py --each 20000
Read   the table that it prints; --keep DIR gets each input that failed, one a kind

Atheris runs the package with counters in its byte code. An input that reaches what none before it
has is kept and damaged further, by the same rules as in ``fuzz.py`` or by single bytes, and judged
as there. Each reader has a process of its own.
"""

import argparse
import io
import json
import logging
import os
import random
import resource
import sys
from collections import Counter
from contextlib import redirect_stderr
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import atheris  # noqa: E402

with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["charon"]):
    from fuzzing import fuzz
    from fuzzing import readers as table

SAID_EVERY = 500
"""Inputs between two lines of a reader's process, of which the last counts."""


def work(options):
    """Fuzz one reader in this process, which libFuzzer ends; print lines of JSON meanwhile."""
    logging.disable()
    reader = {r.name: r for r in table.readers(options.group, options.place)}[options.reader]
    folder, corpus = options.place / "folder", options.place / "corpus"
    fuzz.prepare(reader, folder)
    corpus.mkdir()
    for number, seed in enumerate(reader.seeds):
        (corpus / str(number)).write_bytes(seed)
        assert fuzz.outcome_of(reader, folder, seed) == "read"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fuzz.guard()
    counts, first = Counter(), {}

    def one_input(data):
        outcome = fuzz.outcome_of(reader, folder, data)
        if outcome not in first:
            first[outcome] = counts.total()
            if options.keep is not None and outcome not in ("read", "declared"):
                (options.keep / f"{fuzz.word(reader.name)}.{len(first)}").write_bytes(data)
        counts[outcome] += 1
        if counts.total() % SAID_EVERY == 0 or counts.total() == options.each:
            more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            about = {"reader": reader.name, "counts": counts, "first": first, "mib": more // 1024}
            print(json.dumps(about), flush=True)

    def damaged(data, most, seed):
        rng = random.Random(seed)
        if rng.random() < 0.5:
            return atheris.Mutate(data, most)
        return fuzz.mutated(rng, data, reader.form)[:most]

    longest = max(map(len, reader.seeds)) + 20_000
    flags = [f"-runs={options.each}", f"-seed={options.seed + 1}", f"-max_len={longest}"]
    crashed = options.keep or corpus  # gets the input that ends the process
    flags += ["-rss_limit_mb=0", "-timeout=3600", f"-artifact_prefix={crashed}/"]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # of libFuzzer's words none is needed
    atheris.Setup([sys.argv[0], *flags, str(corpus)], one_input, custom_mutator=damaged)
    atheris.Fuzz()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=10_000, help="inputs of a reader (10000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--group", choices=table.GROUPS, help="only these readers")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="gets the inputs that fail")
    for hidden, kind in (("--reader", str), ("--place", Path)):
        parser.add_argument(hidden, type=kind, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        work(options)
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="charon-fuzz-") as made:
        commands = {}
        for group in [options.group] if options.group else table.GROUPS:
            for reader in table.readers(group, Path(made)):
                place = Path(made) / fuzz.word(reader.name)
                place.mkdir()
                here = [f"--group={group}", f"--reader={reader.name}", f"--place={place}"]
                commands[reader.name] = [sys.executable, __file__, *sys.argv[1:], *here]
        return fuzz.show(commands)


if __name__ == "__main__":
    sys.exit(main())
