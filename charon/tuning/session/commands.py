"""Commands for the shell: resume a study, repeat one of its runs."""

import itertools
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from charon.data.cache.archive import default_cache_dir
from charon.settings import Value
from charon.tuning.session.options import Options
from charon.tuning.study.fields import known_fields


def resume_command(script: Path, options: Options) -> str:
    """Return the command that resumes a study, or extends it if ``options`` do.

    It names places only: ``study.json`` remembers all else. Words before the options belong to
    the script, and stay.
    """
    places = {
        "--results": options.results if options.results != Options().results else None,
        "--cache": options.cache,
        "--address": options.address,
        "--tracking-uri": options.tracking_uri,
    }
    words = itertools.takewhile(lambda word: not word.startswith("-"), sys.argv[1:])
    given = [(name, str(place)) for name, place in places.items() if place is not None]
    how = ["--resume"] if options.extend is None else ["--extend", str(options.extend)]
    return shlex.join(["python", str(script), *words, *itertools.chain(*given), *how])


def repeat_command(fields: Mapping[str, Value], cache: Path, cpus: float) -> str:
    """Return the command that repeats a run without Ray, from all its fields."""
    learner = fields.get("learner", "charon")
    defaults = known_fields(learner)
    words = ["--learner", str(learner)]
    for name, value in fields.items():
        if name != "learner" and value != defaults[name]:
            words += ["--set", f"{name}={'none' if value is None else value}"]
    return run_command(words, cache, cpus)


def run_command(words: Sequence[str], cache: Path, cpus: float) -> str:
    """Return a ``charon run`` with the clips and the number of threads of a study's trials.

    Another number of threads would round sums in another order, and the curves would differ. The
    cache is an absolute folder; ``cpus`` are those of a trial.
    """
    threads = f"OMP_NUM_THREADS={max(1, int(cpus))}"
    place = [] if cache == default_cache_dir() else ["--cache", str(cache)]
    return shlex.join([threads, "charon", "run", *words, *place])
