"""The commands of a study, as a person types them: begin it, go on, learn one run alone."""

import itertools
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from charon.data.cache.archive import default_cache_dir
from charon.settings import Value
from charon.tuning.session.options import Options
from charon.tuning.study.fields import known_fields


def begin_command(script: Path) -> str:
    """Return how the study was started."""
    return shlex.join(["python", str(script), *sys.argv[1:]])


def resume_command(script: Path, options: Options) -> str:
    """Return the command that goes on with a study, or extends it where that was asked for.

    It says only where things are: ``study.json`` remembers all else, whenever it was chosen.
    Words before the options are the script's own, and stay.
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
    """Return the command that repeats one run alone, without Ray.

    Args:
        fields: all fields of the run.
        cache: as of :func:`run_command`.
        cpus: as of :func:`run_command`.
    """
    learner = fields.get("learner", "charon")
    defaults = known_fields(learner)
    words = ["--learner", str(learner)]
    for name, value in fields.items():
        if name != "learner" and value != defaults[name]:
            words += ["--set", f"{name}={'none' if value is None else value}"]
    return run_command(words, cache, cpus)


def run_command(words: Sequence[str], cache: Path, cpus: float) -> str:
    """Return a ``charon run`` that reads the clips of a study and computes as its trials do.

    Sums are rounded in another order with another number of threads, and the curves part.

    Args:
        words: what to run.
        cache: absolute folder of the study's prepared sets; named where it is not the default.
        cpus: of one trial, which has as many threads.
    """
    threads = f"OMP_NUM_THREADS={max(1, int(cpus))}"
    place = [] if cache == default_cache_dir() else ["--cache", str(cache)]
    return shlex.join([threads, "charon", "run", *words, *place])
