"""Damaged inputs for every reader: which errors they raise, and what they take.

Run    python tests/fuzzing/fuzz.py --each 10000
Read   the table that it prints; --keep DIR gets each input that failed, one a kind

Each group of readers runs in a process of its own, in which an input may take 10 seconds of the
processor, and 2 GiB beside what the process had. An input is counted as undeclared if it raises
anything but the package's errors, takes longer or more, ends the process, starts a program or
writes a file.
The same seed gives the same inputs.
"""

import argparse
import io
import json
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import traceback
import warnings
from collections import Counter
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fuzzing import readers as table  # noqa: E402
from fuzzing.mutations import mutated  # noqa: E402

from charon.errors import CharonError  # noqa: E402

SECONDS, BYTES = 10, 2 * 2**30
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "socket.connect")
WRITES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod")


class Undeclared(BaseException):
    """What a reader must not do, whatever it catches."""


def inputs(reader, seed, start=0):
    """Yield (number, damaged bytes) of a reader without end."""
    number = start
    while True:
        rng = random.Random(f"{reader.name} {seed} {number}")
        yield number, mutated(rng, rng.choice(reader.seeds), reader.form)
        number += 1


@contextmanager
def prepared(reader):
    """Yield the reader's folder with all that it needs; its seeds are known then."""
    with TemporaryDirectory(prefix="charon-fuzz-") as place:
        yield prepare(reader, Path(place) / "folder")


def prepare(reader, folder):
    """Make and return the reader's folder; its seeds are known then."""
    folder.mkdir()
    reader.make(folder)
    reader.seeds = reader.seeds or [(folder / reader.file).read_bytes()]
    return folder


def outcome_of(reader, folder, data):
    """Read an input; return "read", "declared", or what is undeclared about it."""
    (folder / reader.file).write_bytes(data)
    # Of the processor's time, which other work on the machine does not add to.
    signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            _reading.append(reader.name)
            reader.read(folder)
        return "read"
    except CharonError as error:
        return _of_declared(error)
    except (Exception, Undeclared) as error:
        return _place(error)
    finally:
        _reading.clear()
        signal.setitimer(signal.ITIMER_PROF, 0)


def _of_declared(error):
    """A declared error is one line that can be printed, and none that hides lack of memory."""
    cause = error
    while cause is not None:
        if isinstance(cause, MemoryError) or "can't allocate memory" in str(cause):
            return f"asks for too much memory, {_place(cause)}"
        cause = cause.__cause__ or cause.__context__
    try:
        str(error).encode()
    except UnicodeEncodeError:
        return "its message cannot be printed"
    return "declared" if len(str(error)) < 2000 else f"says too much, {_place(error)}"


def _too_slow(number, frame):
    raise Undeclared(f"takes more than {SECONDS} s")


def _place(error):
    """Return the kind of an error, and the last line of the package that it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        f for f in frames if "charon" in Path(f.filename).parts[-4:] or "/charon/" in f.filename
    ]
    at = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "outside the package"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:80]} ({at})"


def fuzz(reader, num_inputs, seed=0, start=0, keep=None):
    """Read damaged inputs; return (counts by outcome, a number of an input for each)."""
    counts, first = Counter(), {}
    with prepared(reader) as folder:
        for number, data in inputs(reader, seed, start):
            if number == start + num_inputs:
                break
            if keep is not None:
                (keep / f"{word(reader.name)}.last").write_bytes(data)
            outcome = outcome_of(reader, folder, data)
            if outcome not in first and outcome not in ("read", "declared") and keep is not None:
                (keep / f"{word(reader.name)}.{number}").write_bytes(data)
            first.setdefault(outcome, number)
            counts[outcome] += 1
    return counts, first


def word(name):
    return "".join(c if c.isalnum() else "_" for c in name)


_reading = []


def audit(event, arguments):
    """Raise an error for what no reader does; the interpreter calls this for each such event."""
    if not _reading:
        return
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if (writes and arguments[0] != os.devnull) or event in STARTS or event in WRITES:
        raise Undeclared(f"asks for {event} {arguments[0]!r}")


def guard():
    """From now on, this process has little more memory, and what no reader does is an error."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + BYTES, resource.RLIM_INFINITY))
    sys.addaudithook(audit)


def work(options):
    """Fuzz a group of readers in this process; print a line of JSON for each."""
    logging.disable()
    with TemporaryDirectory(prefix="charon-fuzz-") as made:
        readers = table.readers(options.group, Path(made))
        for reader in readers:
            with prepared(reader) as folder:  # so that all that is imported late is there
                outcome = outcome_of(reader, folder, reader.seeds[0])
                assert outcome == "read", f"{reader.name}: {outcome}"
        guard()
        for reader in readers:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            counts, first = fuzz(reader, options.each, options.seed, options.start, options.keep)
            more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            about = {"reader": reader.name, "counts": counts, "first": first, "mib": more // 1024}
            print(json.dumps(about), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=1000, help="inputs of a reader (1000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first input (0)")
    parser.add_argument("--group", choices=table.GROUPS, help="only these readers")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="gets the inputs that fail")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.keep is not None:
        options.keep = options.keep.absolute()
        options.keep.mkdir(parents=True, exist_ok=True)
    if options.worker:
        work(options)
        return 0
    groups = [options.group] if options.group else table.GROUPS
    command = [sys.executable, __file__, *sys.argv[1:], "--worker", "--group"]
    return show({group: [*command, group] for group in groups})


def show(commands):
    """Run commands by name, which print JSON on readers; print a table; return the exit status."""
    print(LINE.format("reader", "inputs", "read", "declared", "undeclared", "MiB"))
    totals, problems, largest = Counter(), [], 0
    for name, command in commands.items():
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            other = []  # such as Atheris says of an error that ends the process
            for about in _last_of_each(process.stdout, other):
                counts, reader = Counter(about["counts"]), about["reader"]
                row = [counts.total(), counts.pop("read", 0), counts.pop("declared", 0)]
                row.append(counts.total())
                problems += [
                    f"{reader}, input {about['first'][what]}, {number} times: {what}"
                    for what, number in counts.items()
                ]
                print(LINE.format(reader, *row, about["mib"]), flush=True)
                totals.update(dict(enumerate(row)))
                largest = max(largest, about["mib"])
        if process.returncode:
            end = f"{name}: the process ended with status {process.returncode}"
            problems.append("\n    ".join([end, *other[-20:]]))
    print(LINE.format("all", *(totals[column] for column in range(4)), largest))
    print(*problems, sep="\n")
    return 1 if problems else 0


def _last_of_each(lines, other):
    """Yield the last that JSON says of each reader, one after the other; keep other lines."""
    last = None
    for line in lines:
        if not line.startswith("{"):
            other.append(line.rstrip())
            continue
        about = json.loads(line)
        if last is not None and about["reader"] != last["reader"]:
            yield last
        last = about
    if last is not None:
        yield last


LINE = "{:28} {:>8} {:>8} {:>9} {:>10} {:>6}"

if __name__ == "__main__":
    sys.exit(main())
