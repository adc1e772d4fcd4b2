"""``main(study)``: the one way a study is run."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from charon.errors import CharonError
from charon.tuning.study.study import Study

if TYPE_CHECKING:
    from rich.console import Console

    from charon.tuning.records.journal import Journal
    from charon.tuning.session.session import Session

INTERRUPTED_STATUS = 130


def main(study: Study, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a study from the command line and exit.

    The status is 0 when every trial was learned or pruned, 130 after an interruption, and 1
    when a trial failed or something about the user's input or surroundings is wrong, which
    is then said in one sentence.

    Args:
        study: the declaration.
        arguments: the command line; that of the process if None.
    """
    heed_requests_to_end()
    script = Path(getattr(sys.modules["__main__"], "__file__", None) or f"{study.name}.py")
    try:
        status = run(study, arguments, script)
    except CharonError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        print("Stopped before a trial was learned; give the same command again.", file=sys.stderr)
        status = INTERRUPTED_STATUS
    sys.exit(status)


def heed_requests_to_end() -> None:
    """Take a scheduler's polite request to end as an interruption like Ctrl-C.

    A shell has Ctrl-C ignored by what it starts in the background of a script.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))


def run(study: Study, arguments: Sequence[str] | None, script: Path) -> int:
    """Run a study and return its exit status.

    Raises:
        CharonError: something about the user's input or surroundings is wrong.
    """
    from rich.console import Console

    from charon.tuning.session.options import parse_options
    from charon.tuning.session.session import open_session

    console = Console(highlight=False, soft_wrap=True)
    options = parse_options(study, arguments)
    session = open_session(study, options, script, console)
    for warning in session.warnings:
        console.print(warning, style="yellow", markup=False)
    if session.options.dry_run:
        from charon.tuning.session.dry_run import show_estimate

        show_estimate(session, console)
        return 0
    _announce(session, console)
    return run_and_close(session, script, console)


def _announce(session: "Session", console: "Console") -> None:
    from charon.tuning.closing import dashboard_lines

    assert session.cluster is not None
    console.print(f"{session.plan.title}: {session.study.question}", markup=False)
    if session.options.resume or session.options.extend is not None:
        console.print(session.standing.sentence, markup=False)
    for line in dashboard_lines(session.cluster):
        console.print(line, markup=False)


def run_and_close(session: "Session", script: Path, console: "Console") -> int:
    """Run a study that is open, and what follows its trials; return the exit status.

    However far it is when it is interrupted, --resume goes on from there; begun again, it would
    move aside what it has.

    Raises:
        CharonError: something about the user's surroundings is wrong.
    """
    from charon.tuning.session.commands import go_on_command

    command = go_on_command(script, replace(session.options, extend=None))
    try:
        return _run_and_close(session, script, console, command)
    except KeyboardInterrupt:
        return _say_interrupted(command, console)


def _run_and_close(session: "Session", script: Path, console: "Console", command: str) -> int:
    from charon.tuning.closing import (
        TABLES,
        closing_lines,
        figures,
        show_analysis,
        start_analysis,
    )
    from charon.tuning.execution.runner import outcome_of, run_study
    from charon.tuning.records.folder import ResultsError, describe_write_error
    from charon.tuning.study.first_tasks import saved_line

    cluster = session.cluster
    assert cluster is not None
    try:
        journal, sender = run_study(session, script, console)
        outcome = outcome_of(session, journal)
        if session.study.is_search:
            from charon.tuning.selection.follow_up import follow_up

            outcome = follow_up(session, journal, script, console)
        analysis = start_analysis(session, script)
    except OSError as error:
        raise ResultsError(describe_write_error(session.folder, error)) from error
    finally:
        cluster.stop()
    analysed = show_analysis(analysis, console)
    tables = [session.folder / name for name in TABLES]
    artifacts = [str(path) for path in (*tables, *figures(session.folder))]
    journal.append("study_end", outcome=outcome, artifacts=artifacts)
    all_sent = sender.close()
    if saved_line(journal):
        console.print(saved_line(journal), markup=False)
    for line in closing_lines(session, sender, all_sent=all_sent):
        console.print(line, markup=False)
    return report_outcome(outcome, journal, command, console, analysed=analysed)


def report_outcome(
    outcome: str, journal: "Journal", command: str, console: "Console", *, analysed: bool
) -> int:
    """Say what went wrong, if anything, and return the exit status.

    Args:
        outcome: how the study has ended.
        journal: of its trials.
        command: that goes on with it.
        console: where to say it.
        analysed: whether its analysis worked.
    """
    from charon.tuning.records.journal import FAILED, FINISHED

    failed = [record for record in journal.trials.values() if record.status == FAILED]
    for record in failed:
        console.print(f"{record.label} failed: {record.error}", style="red", markup=False)
    if outcome not in (FINISHED, FAILED):
        return _say_interrupted(command, console)
    return 1 if outcome == FAILED or not analysed else 0


def _say_interrupted(command: str, console: "Console") -> int:
    console.print(f"The study was interrupted; go on with: {command}", style="yellow", markup=False)
    return INTERRUPTED_STATUS
