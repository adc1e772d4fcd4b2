"""Say what a study has done, what is running, what is left, and the table so far.

The study may be running, interrupted or finished; it is not disturbed. --json is for scripts.
"""

import argparse
from pathlib import Path

from charon.cli.console import add_json_argument, print_json
from charon.report.cases import cases_of
from charon.report.results import read_results
from charon.report.summary import metrics_of
from charon.report.tables import case_table, text_table
from charon.text import clock
from charon.tuning.records.journal import FAILED, RUNNING, TrialRecord
from charon.tuning.records.status import Status, hung_sentence, read_status


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "results", metavar="RESULTS", type=Path, help="such as results/masking_ratio"
    )
    add_json_argument(parser)


def main(options: argparse.Namespace) -> int:
    """Print the status."""
    status = read_status(options.results.expanduser())
    if options.json:
        print_json(status.as_json())
        return 0
    counts = ", ".join(f"{number} {name}" for name, number in status.counts().items())
    print(f"{status.plan.title}: {status.plan.question}")
    print(
        f"{status.state}; {counts or 'no trial yet'}; {status.num_left} of "
        f"{status.plan.num_trials} left"
    )
    if hung := hung_sentence(status.trials):
        print(hung)
    for record in status.trials:
        if record.status == RUNNING and status.state == "running":
            print(f"  {record.label}  {_progress(status, record)}")
        elif record.status == FAILED:
            print(f"  {record.label} failed: {record.error}")
    _print_table(options.results.expanduser())
    return 0


def _progress(status: Status, record: TrialRecord) -> str:
    beat = status.beats.get(record.trial_id)
    learned = f"{record.tasks_seen} tasks learned in {clock(record.seconds)}"
    if beat is None:
        return learned
    return f"task {beat.task}, {beat.phase} epoch {beat.epoch}/{beat.epochs}; {learned}"


def _print_table(folder: Path) -> None:
    if not (folder / "trials.csv").exists():
        return
    results = read_results(folder)
    if not results.finished.empty:
        print(f"\n{text_table(*case_table(cases_of(results), metrics_of(results)))}")
        print(results.provenance)
