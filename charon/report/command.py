"""The command line of an analysis: ``python analysis/NAME.py [--results DIR]``."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from charon.errors import CharonError
from charon.report.results import Results, read_results


def analysis_of(script: Path, *, is_search: bool) -> list[str]:
    """Return the program that describes the results of a study's script, as Python takes it.

    That is ``analysis/NAME.py`` beside ``studies``, or else a plain table or a search's report.
    """
    own = script.resolve().parent.parent / "analysis" / script.name
    plain = "charon.report.search" if is_search else "charon.report.summary"
    return [str(own)] if own.exists() else ["-m", plain]


def show(describe: Callable[[Results], str], default: str = "") -> None:
    """Read a study's results, describe them, and print the text.

    Args:
        describe: draws the figures beside the tables and returns the text.
        default: name of the study, whose folder is ``results/NAME`` unless given.
    """
    folder = Path("results") / default
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument(
        "--results",
        type=Path,
        default=folder if default else None,
        required=not default,
        metavar="DIR",
        help=f"folder of the study ({folder})",
    )
    try:
        results = read_results(parser.parse_args().results)
    except CharonError as error:
        sys.exit(f"error: {error}")
    print(describe(results))
    print(results.provenance)
