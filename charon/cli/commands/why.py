"""Say why a trial ended as it did: stopped early where and against whom, failed of what.

TRIAL is its name as the study prints it, its id, or its number in a search.
"""

import argparse
from pathlib import Path

from charon.cli.console import add_json_argument, print_json
from charon.tuning.records.why import why


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("results", metavar="RESULTS", type=Path, help="such as results/search")
    parser.add_argument("trial", metavar="TRIAL", help="such as 'eta0.30 s2 M42 seed0', or 7")
    add_json_argument(parser)


def main(options: argparse.Namespace) -> int:
    """Print the reason, what it was compared with, and the command that repeats the trial."""
    reason = why(options.results.expanduser(), options.trial)
    if options.json:
        print_json(reason.as_json())
        return 0
    print(f"{reason.record.label}: {reason.sentence}")
    if reason.starts > 1:
        print(f"It was started {reason.starts} times.")
    for label, value in reason.others.items():
        mark = "*" if label == reason.record.label else " "
        print(f" {mark} {value:8.1f}  {label}")
    if reason.command:
        print(f"Repeat it with\n  {reason.command}")
    return 0
