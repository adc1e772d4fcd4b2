"""The commands that begin a study and that go on with it, as a person types them."""

import itertools
import shlex
import sys
from pathlib import Path

from charon.tuning.options import Options


def begin_command(script: Path) -> str:
    """Return how the study was started."""
    return shlex.join(["python", str(script), *sys.argv[1:]])


def go_on_command(script: Path, options: Options) -> str:
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
