"""Steps of a study that need large libraries; ``main.py`` has their order."""

import subprocess
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console

from charon.settings import Value
from charon.text import tool
from charon.tuning.closing import start_analysis
from charon.tuning.cluster.cluster import Cluster, place, this_machine
from charon.tuning.cluster.cost import with_networks
from charon.tuning.cluster.packing import pack
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.execution.runner import outcome_of, run_study
from charon.tuning.records.journal import INTERRUPTED, Journal
from charon.tuning.records.plan import Plan
from charon.tuning.sampling.optuna_study import DATABASE, check_database
from charon.tuning.session.data import StudyData, prepare_runs
from charon.tuning.session.planning import PlannedStudy, new_plan, on_device
from charon.tuning.session.request import Request
from charon.tuning.session.resume import StudyProgress, check_same, extended_plan, progress_of
from charon.tuning.study.study import CUT
from charon.tuning.study.trials import expand
from charon.tuning.tracking.sender import Sender
from charon.tuning.tracking.store import Store, check_answers


def prepare_data(request: Request, console: Console) -> StudyData:
    """Prepare the study's clips, or open them in the cache; check first what a trial needs.

    Raises:
        ClusterError: this machine is too small for a trial.
        ResultsError: the database of the search is not Optuna's.
        DataError: the clips cannot be read.
        ConfigError: the study does not fit them.
    """
    if request.options.address is None:
        place(this_machine(), request.options.cpus, request.options.gpus)
    if request.study.is_search:
        check_database(request.folder / DATABASE)
    runs: dict[tuple[Value, ...], dict[str, Value]] = {}  # the first of each kind
    for trial in expand(request.study, request.fields):
        runs.setdefault(tuple(trial.fields[name] for name in CUT), trial.fields)
    return prepare_runs(list(runs.values()), request.cache, console)


def make_ready(
    request: Request,
    store: Store,
    data: StudyData,
    planned: PlannedStudy,
    journal: Journal,
    cluster: Cluster | None,
    say: Callable[[str], None],
) -> ReadyStudy:
    """Place the planned study on a cluster.

    Without a cluster it is a dry run, which measures nothing and assumes this machine; ``say``
    tells the user what takes a while.

    Raises:
        ClusterError: the cluster is too small for a trial.
        ConfigError: the study differs from the study that it resumes.
    """
    options, where = request.options, cluster or this_machine()
    cpus, gpus = place(where, options.cpus, options.gpus)
    planned = on_device(planned, request, gpus)
    packed = ""
    if options.gpus == "auto":
        possible = with_networks(planned.trials, planned.study.space)
        gpus, packed = pack(cluster, possible, request.cache, cpus, gpus, say)
        options = replace(options, gpus=gpus)
    recorded, progress = _recorded_plan(replace(request, options=options), planned, data, journal)
    notices = [packed, check_answers(store), *planned.notices]
    planned = replace(planned, notices=[notice for notice in notices if notice])
    return ReadyStudy(
        **vars(planned),
        options=options,
        plan=recorded,
        journal=journal,
        progress=progress,
        script=request.script,
        folder=request.folder,
        cache=request.cache,
        store=store,
        data=data,
        cpus=cpus,
        gpus=gpus,
        slots=where.slots(cpus, gpus),
        dashboard_url=where.dashboard_url,
        check=where.watch_for(cpus, gpus),
    )


def _recorded_plan(
    request: Request, planned: PlannedStudy, data: StudyData, journal: Journal
) -> tuple[Plan, StudyProgress]:
    """Return the plan for ``study.json``, and the progress of the study."""
    now = new_plan(planned, request.script, request.options, data)
    if request.resumed is None:
        return now, StudyProgress(0, 0, now.num_trials)
    check_same(request.resumed, now, request.resume_command)
    recorded = extended_plan(request.resumed, request.options, journal)
    return recorded, progress_of(journal, recorded.num_trials)


def announce(ready: ReadyStudy, console: Console) -> None:
    """Say which study starts or is resumed, and where Ray's dashboard is."""
    lines = [f"{ready.plan.title}: {ready.study.question}"]
    if ready.options.resume or ready.options.extend is not None:
        lines.append(ready.progress.sentence)
    if ready.dashboard_url:
        lines += [
            f"Ray dashboard  {ready.dashboard_url}  (trials are under Cluster, while they run)",
            f"  its token    {tool('ray')} get-auth-token  (paste its output into the page once)",
        ]
    console.print(*lines, sep="\n", markup=False)


def learn(
    ready: ReadyStudy, cluster: Cluster, console: Console
) -> tuple[str, Sender, subprocess.Popen[str]]:
    """Run the trials and a search's follow-up; return the outcome and what closes the study.

    Raises:
        OSError: the results can no longer be written.
        CharonError: something in the user's environment is wrong.
    """
    try:
        sender = run_study(ready, console)
        outcome = outcome_of(ready.journal, ready.plan.num_trials)
        if ready.study.is_search and outcome != INTERRUPTED:
            # Imported here because only a search needs it, after its trials: it takes a second.
            from charon.tuning.selection.follow_up import FollowUp

            outcome = FollowUp(ready, console).run(outcome)
        return outcome, sender, start_analysis(ready)
    finally:
        cluster.stop()
