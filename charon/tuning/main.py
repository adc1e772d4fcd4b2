"""The story of a study, step by step.

1. Options: the declaration and the command line become a request; no clip is read.
2. Folder: locked to this process; the study in it is resumed, or moved aside.
3. Services: Ray and MLflow's tables start in the background.
4. Data: the clips are prepared, or opened in the cache.
5. Plan: the runs on these clips; a dry run prints it and ends here.
6. Cluster: the share of it for a trial, and how many run at once.
7. Trials: learned, recorded in the journal, sent to MLflow.
8. Selection: a search's winner, protocol gap and confirm stage.
9. Closing: tables, figures, and where everything is.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from charon.arguments import check_paths
from charon.errors import CharonError
from charon.tuning.cluster.cluster import Cluster, log_to, prepare_environment
from charon.tuning.cluster.startup import Starting
from charon.tuning.cluster.watch import INTERRUPTED_STATUS
from charon.tuning.records.folder import (
    ResultsError,
    describe_write_error,
    lock_folder,
    writable_folder,
)
from charon.tuning.records.journal import FAILED, FINISHED, Journal
from charon.tuning.session.options import parse_options
from charon.tuning.session.request import Request, make_request
from charon.tuning.session.resume import make_room
from charon.tuning.study.study import Study
from charon.tuning.tracking.store import Store, check_file, choose_store, make_schema


def main(study: Study, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a study from the command line and exit.

    The status is 0 if every trial was learned or pruned, 130 after an interruption, and 1 if
    a trial failed or the user's input or environment is wrong, which is said in a sentence. The
    command line is that of the process if ``arguments`` are None.
    """
    interrupt_on_sigterm()
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


def interrupt_on_sigterm() -> None:
    """Treat SIGTERM, which schedulers send, as an interruption like Ctrl-C.

    SIGINT is restored too: a shell ignores it in background jobs of a script.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))


def run(study: Study, arguments: Sequence[str] | None, script: Path) -> int:
    """Run a study and return its exit status.

    Raises:
        CharonError: the user's input or environment is wrong.
    """
    console = Console(highlight=False, soft_wrap=True)
    # Imports leave half a million objects that stay. Searched for garbage after every 700 new
    # ones, as is usual, they take a second longer.
    gc.set_threshold(50_000)
    prepare_environment()
    check_paths([*(sys.argv[1:] if arguments is None else arguments), script])
    request = make_request(study, parse_options(study, arguments), script)
    try:
        return run_request(request, console)
    except OSError as error:
        raise ResultsError(describe_write_error(request.folder, error)) from error


def run_request(request: Request, console: Console) -> int:
    """Take all steps of a study but the first; return its exit status.

    Raises:
        OSError: the results can no longer be written.
        CharonError: the user's input or environment is wrong.
    """
    store, is_dry = checked_store(request), request.options.dry_run
    if not is_dry:
        lock_folder(request.folder)
    if request.notice:
        say(console, request.notice, style="yellow")
    is_resumed = request.resumed is not None
    with make_room(request.folder, is_resumed=is_resumed, dry_run=is_dry) as moved:
        services = None if is_dry else start_services(request, store)
        # Torch, MLflow and Optuna take as long to import as Ray does to start.
        from charon.tuning import closing, dry_run, steps
        from charon.tuning.session.planning import plan_study

        data = steps.prepare_data(request, console)
        planned = plan_study(request, data)
        journal = Journal(request.folder / "journal.jsonl")
        cluster = services() if services else None
        ready = steps.make_ready(request, store, data, planned, journal, cluster, console.print)
    say(console, *filter(None, [moved, *ready.notices]), style="yellow")
    if cluster is None:
        say(console, *dry_run.lines(ready))
        return 0
    steps.announce(ready, console)
    command = command_of(request)
    try:
        outcome, sender, analysis = steps.learn(ready, cluster, console)
        analysed = closing.close(ready, sender, analysis, outcome, console)
        return report_outcome(outcome, ready.journal, command, console, analysed=analysed)
    except KeyboardInterrupt:
        return say_interrupted(command, console)


def checked_store(request: Request) -> Store:
    """Return where the study is tracked; it and the results folder are writable.

    Raises:
        ConfigError: the tracking URI cannot be used.
        ResultsError: the results cannot be written.
    """
    store = choose_store(request.options.tracking_uri, request.results)
    # Space to start with; checkpoints come and go.
    writable_folder(request.results, need_bytes=50_000_000, make=False)
    check_file(store)
    return store


def start_services(request: Request, store: Store) -> Callable[[], Cluster]:
    """Start Ray and make MLflow's tables in threads; both take seconds, mostly of waiting.

    Returns:
        What waits for both and returns the cluster, or raises a ClusterError.
    """
    log_file = writable_folder(request.folder) / "driver.log"  # of the libraries
    log_to(log_file)
    ray = Starting(request.options.address, log_file, interrupted(command_of(request)))
    # Even a refused study ends after its thread: the file is whole, and nothing is left beside it.
    schema = ThreadPoolExecutor(1).submit(make_schema, store)

    def wait() -> Cluster:
        schema.result()
        return ray.wait()

    return wait


def report_outcome(
    outcome: str, journal: Journal, command: str, console: Console, *, analysed: bool
) -> int:
    """Report failed trials or an interruption; return the exit status.

    ``command`` resumes the study; ``analysed`` is whether its analysis succeeded.
    """
    failed = [record for record in journal.trials.values() if record.status == FAILED]
    say(console, *(f"{record.label} failed: {record.error}" for record in failed), style="red")
    if outcome not in (FINISHED, FAILED):
        return say_interrupted(command, console)
    return 1 if outcome == FAILED or not analysed else 0


def command_of(request: Request) -> str:
    """Return the command that resumes the study, which an extended one does not extend again."""
    return replace(request, options=replace(request.options, extend=None)).resume_command


def say_interrupted(command: str, console: Console) -> int:
    """Say the command that resumes the study: repeating its command would move it aside."""
    say(console, interrupted(command), style="yellow")
    return INTERRUPTED_STATUS


def interrupted(command: str) -> str:
    """Return the last words of an interrupted study."""
    return f"The study was interrupted; go on with: {command}"


def say(console: Console, *lines: str, style: str | None = None) -> None:
    """Print lines without markup."""
    for line in lines:
        console.print(line, style=style, markup=False)
