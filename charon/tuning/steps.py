"""The steps of a study that need large libraries; ``main.py`` has their order."""

import subprocess
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console

from charon.tuning.closing import dashboard_lines, start_analysis
from charon.tuning.cluster.cluster import Cluster, this_machine
from charon.tuning.cluster.packing import pack
from charon.tuning.cluster.resources import place
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.execution.runner import outcome_of, run_study
from charon.tuning.records.folder import ResultsError, describe_write_error
from charon.tuning.records.journal import Journal
from charon.tuning.records.plan import Plan
from charon.tuning.sampling.database import DATABASE, check_database
from charon.tuning.selection.follow_up import follow_up
from charon.tuning.session.data import StudyClips
from charon.tuning.session.planning import (
    PlannedStudy,
    new_plan,
    on_device,
    one_of_each_benchmark,
    plan_study,
)
from charon.tuning.session.request import Request
from charon.tuning.session.resume import Standing, check_same, longer, standing_of
from charon.tuning.tracking.sender import Sender
from charon.tuning.tracking.store import Store, check_answers


def prepare_clips(request: Request, console: Console) -> StudyClips:
    """Prepare the study's clips, or find them in the cache.

    Raises:
        DataError: the clips cannot be read.
        ConfigError: the study cannot be run on them.
        ClusterError: this machine is too small for one trial.
    """
    if request.options.address is None:
        place(this_machine(), request.options.cpus, request.options.gpus)
    clips = StudyClips(one_of_each_benchmark(request), request.cache, console)
    clips.check()
    clips.prepare()
    return clips


def plan(request: Request, clips: StudyClips) -> PlannedStudy:
    """Plan the study on its clips; a search's database must be one of Optuna's, if it is there.

    Raises:
        ConfigError: the study does not fit its clips.
        ResultsError: the search cannot use its database.
    """
    planned = plan_study(request, clips)
    if planned.study.is_search:
        check_database(request.folder / DATABASE)
    return planned


def make_ready(
    request: Request,
    store: Store,
    clips: StudyClips,
    planned: PlannedStudy,
    cluster: Cluster | None,
    say: Callable[[str], None],
) -> tuple[ReadyStudy, list[str]]:
    """Place the planned study on a cluster; return it with sentences for the user.

    Args:
        request: what was asked for.
        store: where the study is tracked.
        clips: its data.
        planned: its runs.
        cluster: None for a dry run, which measures nothing and counts on this machine.
        say: tells the user what takes a while.

    Raises:
        ClusterError: a trial finds no room on the cluster.
        ConfigError: the study is not the one that it resumes.
    """
    options, where = request.options, cluster or this_machine()
    cpus, gpus = place(where, options.cpus, options.gpus)
    planned = on_device(planned, request, gpus)
    packed = ""
    if options.gpus == "auto":
        gpus, packed = pack(cluster, planned.trials, request.cache, cpus, gpus, say)
        options = replace(options, gpus=gpus)
    recorded, standing = _recorded_plan(replace(request, options=options), planned, clips)
    ready = ReadyStudy(
        study=planned.study,
        options=options,
        plan=recorded,
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
        slots=where.slots(cpus, gpus),
        dashboard_url=where.dashboard_url,
    )
    notices = [packed, check_answers(store), *planned.notices]
    return ready, [notice for notice in notices if notice]


def _recorded_plan(
    request: Request, planned: PlannedStudy, clips: StudyClips
) -> tuple[Plan, Standing]:
    """Return what stands in ``study.json``, and how far the study is."""
    now = new_plan(planned, request.script, request.options, clips)
    if request.earlier is None:
        return now, Standing(0, 0, now.num_trials)
    check_same(request.earlier, now, request.resume_command)
    journal = Journal(request.folder / "journal.jsonl")
    recorded = longer(request.earlier, request.options, journal)
    return recorded, standing_of(journal, recorded.num_trials)


def announce(ready: ReadyStudy, console: Console) -> None:
    """Say which study begins or is resumed, and how to look at Ray."""
    lines = [f"{ready.plan.title}: {ready.study.question}"]
    if ready.options.resume or ready.options.extend is not None:
        lines.append(ready.standing.sentence)
    for line in [*lines, *dashboard_lines(ready.dashboard_url)]:
        console.print(line, markup=False)


def learn(
    ready: ReadyStudy, cluster: Cluster, console: Console
) -> tuple[str, Journal, Sender, subprocess.Popen[str]]:
    """Run the trials, and what follows a search; return how they ended and what closes the study.

    Raises:
        ResultsError: the results cannot be written any more.
        CharonError: something else about the user's surroundings is wrong.
    """
    try:
        journal, sender = run_study(ready, console)
        outcome = outcome_of(journal, ready.plan.num_trials)
        if ready.study.is_search:
            outcome = follow_up(ready, journal, console, outcome)
        return outcome, journal, sender, start_analysis(ready)
    except OSError as error:
        raise ResultsError(describe_write_error(ready.folder, error)) from error
    finally:
        cluster.stop()
