"""The story of a study, step by step, from its command to its last word.

1. Options: the declaration and the command line become a request; no clip is read.
2. Folder: locked to this process; an earlier study in it is resumed, or moved aside.
3. Ray and MLflow's tables are started, and come up beside what follows.
4. Data: the clips are prepared, or found in the cache.
5. Plan: the runs on these clips; a dry run prints it and ends here.
6. Cluster: what one trial takes of it, and how many run at once.
7. Trials: learned, recorded in the journal, sent to MLflow.
8. Selection: of a search the winner, the protocol gap, the confirm stage.
9. Closing: tables, figures, and where everything is.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console

from charon.errors import CharonError
from charon.tuning.cluster.cluster import Cluster, log_to, prepare_environment, this_machine
from charon.tuning.cluster.resources import place
from charon.tuning.cluster.startup import Starting
from charon.tuning.records.folder import ResultsError, describe_write_error, writable_folder
from charon.tuning.records.journal import FAILED, FINISHED, Journal
from charon.tuning.records.lock import lock_folder
from charon.tuning.session.background import Background
from charon.tuning.session.data import StudyClips
from charon.tuning.session.options import parse_options
from charon.tuning.session.request import Request, make_request
from charon.tuning.session.resume import Standing, check_same, longer, room, standing_of
from charon.tuning.study.study import Study
from charon.tuning.tracking.store import Store, check_answers, check_file, choose_store, make_schema

if TYPE_CHECKING:
    from charon.tuning.execution.ready import ReadyStudy
    from charon.tuning.records.plan import Plan
    from charon.tuning.session.planning import PlannedStudy

INTERRUPTED_STATUS = 130

NEED_BYTES = 50_000_000
"""Free space a study asks for before it starts; checkpoints come and go."""

LOG = "driver.log"
"""File in the study's folder for what the libraries say."""


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
    console = Console(highlight=False, soft_wrap=True)
    request = make_request(study, parse_options(study, arguments), script)
    store = checked_store(request)
    if request.options.dry_run:
        return dry_run(request, store, console)
    lock_folder(request.folder)
    with room(request.folder, is_resumed=request.earlier is not None) as moved:
        services = start_services(request, store)
        clips = prepare_clips(request, console)
        ready, notices = make_ready(request, store, services, clips, console.print)
    say(console, *filter(None, [moved, *notices]), style="yellow")
    cluster = services.cluster()
    announce(ready, console)
    command = replace(request, options=replace(request.options, extend=None)).resume_command
    return until_interrupted(lambda: finish(ready, cluster, command, console), command, console)


def checked_store(request: Request) -> Store:
    """Return where the study is tracked; that and the results can be written.

    Raises:
        ConfigError: the tracking URI cannot be used.
        ResultsError: the results cannot be written.
    """
    store = choose_store(request.options.tracking_uri, request.results)
    writable_folder(request.results, need_bytes=NEED_BYTES, make=False)
    check_file(store)
    return store


def dry_run(request: Request, store: Store, console: Console) -> int:
    """Plan a study and print what it would take; nothing is left but the prepared clips."""
    from charon.tuning.cluster.packing import pack
    from charon.tuning.dry_run import Estimate
    from charon.tuning.session.planning import on_device, plan_study

    resumed = request.earlier is not None
    with room(request.folder, is_resumed=resumed, dry_run=True) as moved:
        clips = prepare_clips(request, console)
        machine = this_machine()
        cpus, gpus = place(machine, request.options.cpus, request.options.gpus)
        planned = on_device(plan_study(request, clips), request, gpus)
        packed = ""
        if request.options.gpus == "auto":
            gpus, packed = pack(None, planned.trials, request.cache, cpus, gpus, console.print)
        plan, standing = recorded_plan(request, planned, clips, gpus)
    say(
        console,
        *filter(None, [moved, packed, check_answers(store), *planned.notices]),
        style="yellow",
    )
    estimate = Estimate(request, planned, plan, standing, clips, cpus, machine.slots(cpus, gpus))
    say(console, *estimate.lines(store.uri))
    return 0


@dataclass(frozen=True)
class Services:
    """Ray and MLflow's tables, which come up in threads of their own."""

    ray: Starting
    schema: Background

    def cluster(self) -> Cluster:
        """Return the cluster once both are there.

        Raises:
            ClusterError: Ray does not start, or nothing answers at the address.
        """
        self.schema.wait()
        return self.ray.wait()


def start_services(request: Request, store: Store) -> Services:
    """Start Ray and make MLflow's tables; both take seconds, most of which they wait."""
    prepare_environment()
    log_file = writable_folder(request.folder) / LOG
    log_to(log_file)
    ray = Starting(request.options.address, log_file)
    return Services(ray, Background(lambda: make_schema(store)))


def prepare_clips(request: Request, console: Console) -> StudyClips:
    """Prepare the study's clips, or find them in the cache.

    Raises:
        DataError: the clips cannot be read.
        ConfigError: the study cannot be run on them.
    """
    from charon.tuning.session.planning import one_of_each_benchmark

    if request.options.address is None:
        place(None, request.options.cpus, request.options.gpus)  # refused before Ray is there
    clips = StudyClips(one_of_each_benchmark(request), request.cache, console)
    clips.check()
    clips.prepare()
    return clips


def make_ready(
    request: Request,
    store: Store,
    services: Services,
    clips: StudyClips,
    say: Callable[[str], None],
) -> tuple["ReadyStudy", list[str]]:
    """Plan the study and place it on the cluster; return it with sentences for the user.

    Raises:
        ConfigError: the study does not fit its clips, or is not the one that it resumes.
        ClusterError: a trial finds no room on the cluster.
    """
    # Imported while Ray comes up: torch, MLflow and Optuna take as long as Ray does.
    from charon.tuning.cluster.packing import pack
    from charon.tuning.execution.ready import ReadyStudy
    from charon.tuning.execution.runner import check_database
    from charon.tuning.session.planning import on_device, plan_study

    planned = plan_study(request, clips)
    if planned.study.is_search:
        check_database(request.folder)
    cluster = services.cluster()
    options = request.options
    cpus, gpus = place(cluster, options.cpus, options.gpus)
    planned = on_device(planned, request, gpus)
    packed = ""
    if options.gpus == "auto":
        gpus, packed = pack(cluster, planned.trials, request.cache, cpus, gpus, say)
        options = replace(options, gpus=gpus)
    plan, standing = recorded_plan(request, planned, clips, gpus)
    ready = ReadyStudy(
        study=planned.study,
        options=options,
        plan=plan,
        standing=standing,
        trials=planned.trials,
        selection=planned.selection,
        script=request.script,
        folder=request.folder,
        cache=request.cache,
        store=store,
        clips=clips,
        cpus=cpus,
        gpus=gpus,
        slots=cluster.slots(cpus, gpus),
        dashboard_url=cluster.dashboard_url,
    )
    return ready, [packed, check_answers(store), *planned.notices]


def recorded_plan(
    request: Request, planned: "PlannedStudy", clips: StudyClips, gpus: float
) -> tuple["Plan", Standing]:
    """Return what stands in ``study.json``, and how far the study is.

    Raises:
        ConfigError: the study is not the one that it resumes.
    """
    from charon.tuning.session.planning import new_plan

    options = request.options
    if options.gpus == "auto":
        options = replace(options, gpus=gpus)
    plan = new_plan(planned, request.script, options, clips)
    if request.earlier is None:
        return plan, Standing(0, 0, plan.num_trials)
    check_same(request.earlier, plan, request.resume_command)
    journal = Journal(request.folder / "journal.jsonl")
    plan = longer(request.earlier, options, journal)
    return plan, standing_of(journal, plan.num_trials)


def announce(ready: "ReadyStudy", console: Console) -> None:
    """Say which study begins or is resumed, and how to look at Ray."""
    from charon.tuning.closing import dashboard_lines

    say(console, f"{ready.plan.title}: {ready.study.question}")
    if ready.options.resume or ready.options.extend is not None:
        say(console, ready.standing.sentence)
    say(console, *dashboard_lines(ready.dashboard_url))


def finish(ready: "ReadyStudy", cluster: Cluster, command: str, console: Console) -> int:
    """Run the trials and what follows them; return the exit status.

    Raises:
        CharonError: something about the user's surroundings is wrong.
    """
    from charon.tuning.closing import close, start_analysis
    from charon.tuning.execution.runner import outcome_of, run_study
    from charon.tuning.selection.follow_up import follow_up

    try:
        journal, sender = run_study(ready, console)
        outcome = outcome_of(journal, ready.plan.num_trials)
        if ready.study.is_search:
            outcome = follow_up(ready, journal, console, outcome)
        analysis = start_analysis(ready)
    except OSError as error:
        raise ResultsError(describe_write_error(ready.folder, error)) from error
    finally:
        cluster.stop()
    analysed = close(ready, journal, sender, analysis, outcome, console)
    return report_outcome(outcome, journal, command, console, analysed=analysed)


def until_interrupted(work: Callable[[], int], command: str, console: Console) -> int:
    """Return the status of some work; interrupted, say the command that resumes the study.

    The same command again would move aside what the study has.
    """
    try:
        return work()
    except KeyboardInterrupt:
        return _say_interrupted(command, console)


def report_outcome(
    outcome: str, journal: Journal, command: str, console: Console, *, analysed: bool
) -> int:
    """Say what went wrong, if anything, and return the exit status.

    Args:
        outcome: how the study has ended.
        journal: of its trials.
        command: resumes it.
        console: where to say it.
        analysed: whether its analysis worked.
    """
    failed = [record for record in journal.trials.values() if record.status == FAILED]
    say(console, *(f"{record.label} failed: {record.error}" for record in failed), style="red")
    if outcome not in (FINISHED, FAILED):
        return _say_interrupted(command, console)
    return 1 if outcome == FAILED or not analysed else 0


def _say_interrupted(command: str, console: Console) -> int:
    say(console, f"The study was interrupted; go on with: {command}", style="yellow")
    return INTERRUPTED_STATUS


def say(console: Console, *lines: str, style: str | None = None) -> None:
    """Print lines as they are."""
    for line in lines:
        console.print(line, style=style, markup=False)
