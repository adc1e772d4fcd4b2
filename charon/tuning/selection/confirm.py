"""The confirm stage: the winner and the paper's setting, learned anew and tested once.

A search chooses among many trials on one seed, so its best validation accuracy is too good to
be true. Both settings are learned on all training clips, without a cut for validation, with
seeds that the search has not seen, and only now meet the test set. It is an ordinary study in
the search's folder, so it goes on after an interruption like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from charon.report.statistics import Mean, mean_of, number_or_none
from charon.settings import Value
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.records.journal import Journal, TrialRecord
from charon.tuning.records.plan import read_plan
from charon.tuning.session.data import StudyClips
from charon.tuning.session.planning import PlannedStudy, new_plan
from charon.tuning.session.resume import move_aside, standing_of
from charon.tuning.study.fields import complete
from charon.tuning.study.first_tasks import leaders_first
from charon.tuning.study.labels import label
from charon.tuning.study.study import BENCHMARK, Study
from charon.tuning.study.trials import PlannedTrial

FOLDER = "confirm"
"""Of the stage, in the search's."""

WINNER, PAPER = "winner", "paper"
"""Roles of the runs: the setting that each repeats."""

OBJECTIVE = "test/faa"


def confirmed_fields(
    fields: Mapping[str, Value], seed: int, benchmark: str | None = None
) -> dict[str, Value]:
    """Return a trial's setting as it is confirmed: all training clips, another seed.

    Args:
        fields: all fields of the trial.
        seed: to learn it with.
        benchmark: where that is not the search's.
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
    """Return the runs of the stage, the seeds outermost.

    Args:
        winner: all fields of the trial that won.
        paper: of the first trial; where both are equal, only the winner is run.
        seeds: to learn each with.
        varied: fields that the search varied, for the names.
        benchmark: where that is not the search's.
    """
    settings = {WINNER: winner} if winner == paper else {WINNER: winner, PAPER: paper}
    trials = []
    for seed in seeds:
        for role, fields in settings.items():
            confirmed = confirmed_fields(fields, seed, benchmark)
            trials.append(PlannedTrial(f"{role} {label(confirmed, varied)}", confirmed, role))
    return trials


@dataclass(frozen=True)
class Confirmed:
    """What the stage found: test FAA, percent, of each setting.

    Attributes:
        winner: of the winner; None where no run has finished.
        paper: of the paper's setting; None where it is the winner, or no run has finished.
    """

    winner: Mean | None
    paper: Mean | None


def confirmed(records: Sequence[TrialRecord]) -> Confirmed:
    """Return the accuracies that the finished runs of the stage add up to."""
    found: dict[str, Mean | None] = {}
    for role in (WINNER, PAPER):
        runs = [r.final for r in records if r.role == role and r.final]
        found[role] = mean_of([final[OBJECTIVE] for final in runs]) if runs else None
    return Confirmed(found[WINNER], found[PAPER])


def prepare_clips(trials: Sequence[PlannedTrial], cache: Path, console: Console) -> StudyClips:
    """Prepare the clips of the stage; a set in the cache is only opened."""
    clips = StudyClips([trials[0].fields], cache, console)
    clips.prepare()
    return clips


def confirm_study(
    search: ReadyStudy, trials: list[PlannedTrial], seeds: Sequence[int], clips: StudyClips
) -> ReadyStudy:
    """Return the stage as a study of its own, on the search's Ray; one that began is resumed.

    An earlier stage of another winner is moved aside.

    Args:
        search: whose winner is confirmed.
        trials: of :func:`confirm_trials`.
        seeds: theirs.
        clips: of the stage, prepared.

    Raises:
        CheckpointError: what lies in its folder is damaged.
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
    plan = replace(new_plan(planned, search.script, options, clips), command=search.plan.command)
    folder = search.folder / FOLDER
    earlier = read_plan(folder)
    if earlier is not None and earlier.trials == plan.trials:
        plan = earlier
    elif folder.exists():
        move_aside(folder, earlier)
    folder.mkdir(exist_ok=True)
    return replace(
        search,
        options=options,
        study=study,
        plan=plan,
        standing=standing_of(Journal(folder / "journal.jsonl"), len(trials)),
        trials=trials,
        selection=None,
        folder=folder,
        clips=clips,
    )


def as_plain(mean: Mean | None) -> dict[str, float | None] | None:
    """Return a mean as what JSON can hold, None where there is no number."""
    if mean is None:
        return None
    return {name: number_or_none(value) for name, value in asdict(mean).items()}
