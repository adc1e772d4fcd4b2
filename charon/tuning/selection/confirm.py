"""The confirm stage: the winner and the paper's setting, learned anew and tested once.

A search selects among many trials with one seed, so its best validation accuracy is optimistic.
Both configurations are learned on all training clips, with seeds that the search has not seen, and
only now meet the test set. The stage is an ordinary study in the search's folder, resumed like any
other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from charon.report.statistics import mean_of, number_or_none
from charon.settings import Value
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.records.journal import Journal, TrialRecord
from charon.tuning.records.plan import read_plan
from charon.tuning.session.data import StudyData
from charon.tuning.session.planning import PlannedStudy, new_plan
from charon.tuning.session.resume import move_aside, progress_of
from charon.tuning.study.fields import complete
from charon.tuning.study.first_tasks import leaders_first
from charon.tuning.study.study import BENCHMARK, Study
from charon.tuning.study.trials import PlannedTrial, label

FOLDER = "confirm"
"""Of the stage, in the search's folder."""

WINNER, PAPER = "winner", "paper"
"""Roles: the configuration that a run repeats."""

OBJECTIVE = "test/faa"


def confirmed_fields(
    fields: Mapping[str, Value], seed: int, benchmark: str | None = None
) -> dict[str, Value]:
    """Return a trial's fields for the confirm stage: all training clips, another seed.

    The benchmark is the search's if None.
    """
    other = {} if benchmark is None else {BENCHMARK: benchmark}
    return complete({**fields, "data.evaluate_on": "test", "seed": seed, **other})


def confirm_trials(
    winner: Mapping[str, Value],
    paper: Mapping[str, Value],
    seeds: Sequence[int],
    varied: Sequence[str],
    benchmark: str | None = None,
) -> list[PlannedTrial]:
    """Return the runs of the stage: both configurations with every seed, the seeds outermost.

    The paper's is not run if it is the winner's; labels name the fields that the search ``varied``.
    """
    configurations = {WINNER: winner} if winner == paper else {WINNER: winner, PAPER: paper}
    trials = []
    for seed in seeds:
        for role, fields in configurations.items():
            confirmed = confirmed_fields(fields, seed, benchmark)
            trials.append(PlannedTrial(f"{role} {label(confirmed, varied)}", confirmed, role))
    return trials


def confirmed(records: Sequence[TrialRecord]) -> dict[str, dict[str, float | None] | None]:
    """Return the mean test FAA of each role's finished runs, percent, as plain values.

    None for a role without finished runs, such as the paper's setting where it is the winner.
    """
    means: dict[str, dict[str, float | None] | None] = {}
    for role in (WINNER, PAPER):
        values = [r.final[OBJECTIVE] for r in records if r.role == role and r.final]
        mean = asdict(mean_of(values)) if values else None
        means[role] = mean and {name: number_or_none(value) for name, value in mean.items()}
    return means


def confirm_study(
    search: ReadyStudy, trials: list[PlannedTrial], seeds: Sequence[int], data: StudyData
) -> ReadyStudy:
    """Return the stage as a study on the search's cluster; an unfinished stage is resumed.

    The trials are those of :func:`confirm_trials`; the stage of another winner is moved aside.

    Raises:
        CheckpointError: the plan in its folder is damaged.
    """
    if search.options.share_first_task:
        trials = leaders_first(trials)
    cases = {trial.role: trial.fields for trial in trials}
    study = Study(
        name=f"{search.study.name}_{FOLDER}",
        question="What do the winner of the search and the paper's setting achieve when tested?",
        cases=[{name: f[name] for name in search.study.varied} for f in cases.values()],
        seeds=seeds,
        objectives=(OBJECTIVE,),
        preset=search.study.preset,
    )
    options = replace(search.options, extend=None, hours=None)
    planned = PlannedStudy(study, trials, None, None, [])
    plan = replace(new_plan(planned, search.script, options, data), command=search.plan.command)
    folder = search.folder / FOLDER
    before = read_plan(folder)
    if before is not None and before.trials == plan.trials:
        plan = before
    elif folder.exists():
        move_aside(folder, before)
    folder.mkdir(exist_ok=True)
    journal = Journal(folder / "journal.jsonl")
    return replace(
        search,
        **vars(planned),
        options=options,
        plan=plan,
        journal=journal,
        progress=progress_of(journal, len(trials)),
        folder=folder,
        data=data,
    )
