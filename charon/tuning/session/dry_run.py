"""A dry run: the trials, what they will take, and where the results will be.

Time is measured, not guessed: a few real training steps and evaluations of each method, of its
slowest and its fastest kind of run, scaled up to all epochs and clips.
"""

import math
from collections.abc import Mapping, Sequence

from rich.console import Console

from charon.settings import Value
from charon.text import byte_size, counted, duration, seeds_text
from charon.tuning.cluster.cost import cost_of
from charon.tuning.execution.runner import slots
from charon.tuning.session.selection_plan import Judgement, judgement_of
from charon.tuning.session.session import Session
from charon.tuning.study.objectives import directions
from charon.tuning.study.space import Choice, Domain, SamplingInterval
from charon.tuning.study.trials import PlannedTrial, known_fields

START_SECONDS = 11.0
"""From the command to the first step, about."""


def show_estimate(session: Session, console: Console) -> None:
    """Print the trials and their estimated cost, measured on a few steps; no trial is run."""
    search = _search_lines(session) if session.study.is_search else []
    for line in [_headline(session), *search, *_cost_lines(session)]:
        console.print(line, markup=False)


def _headline(session: Session) -> str:
    standing, at_once, study = session.standing, slots(session), session.study
    number = counted(standing.num_trials, "trial")
    done = f", {standing.done} done, {standing.left} to run" if standing.done else ""
    labels = [f"  {trial.label}" for trial in session.trials]
    if study.is_search:
        labels[0] += f": {start_text(session.trials[0].fields, study.varied)}"
    return "\n".join(
        [
            f"{session.plan.title}: {study.question}",
            f"{number}{done}, {at_once} at once",
            *labels,
        ]
    )


def start_text(start: Mapping[str, Value], varied: Sequence[str]) -> str:
    """Say what a search begins with: the paper's setting, and what of it is another's.

    Args:
        start: all fields of its first trial; its scale or its base may have changed some.
        varied: those that the search varies.
    """
    paper = known_fields(start["learner"])
    other = [f"{name}={start[name]}" for name in varied if start[name] != paper[name]]
    return f"the paper's setting{' but for ' if other else ''}{', '.join(other)}"


def _search_lines(session: Session) -> list[str]:
    """Return what a search draws from, what it is for and how it is judged."""
    study, plan = session.study, session.plan
    judgement = _judgement(session)
    chosen = session.standing.left - (session.standing.done == 0)
    lines = []
    if chosen:
        lines.append(f"  then {chosen} that Optuna chooses from")
        lines += [f"    {name}: {_range(domain)}" for name, domain in study.space.items()]
    if judgement.seeds:
        lines.append(
            f"  then the winner and the paper's setting, anew with {seeds_text(judgement.seeds)}"
        )
    objectives = zip(study.objectives, directions(study.objectives), strict=True)
    best = ", ".join(f"{direction} {name}" for name, direction in objectives)
    budget = "none" if plan.budget is None else f"memory/bytes at most {byte_size(plan.budget)}"
    limit = "" if plan.hours is None else f", no new trial after {plan.hours:g} h"
    return [
        *lines,
        f"Objective {best}",
        f"Winner    by {judgement.rule.meaning} (--select {judgement.rule.name})",
        f"Budget    {budget}{limit}",
        f"Optuna    sampler {plan.sampler}, pruner {plan.pruner}, {seeds_text(study.seeds[:1])}",
    ]


def _cost_lines(session: Session) -> list[str]:
    archive = session.clips.archive
    costs = {
        method: [cost_of(run, archive, session.cpus) for run in slowest_and_fastest(runs)]
        for method, runs in by_method(session.trials).items()
    }
    every = [cost for some in costs.values() for cost in some]
    slowest = max(cost.seconds for cost in every)
    fastest = min(cost.seconds for cost in every)
    num_bytes, gpu_bytes = max(c.bytes for c in every), max(c.gpu_bytes for c in every)
    trials = [costs[_method(trial.fields)] for trial in session.trials]
    mean = sum(sum(c.seconds for c in some) / len(some) for some in trials) / len(trials)
    at_once, left = slots(session), session.standing.left
    again = 2 * len(_judgement(session).seeds) if session.study.is_search else 0
    total = START_SECONDS + mean * (math.ceil(left / at_once) + math.ceil(again / at_once))
    time = f"about {duration(total)}"
    if session.plan.pruner != "none":
        time = f"at most {time}, for trials may be stopped early"
    tasks = session.clips.tasks
    return [
        f"Data      {session.clips.archive.source}: {tasks.num_training_clips} training clips, "
        f"{tasks.num_classes} classes in {len(tasks.tasks)} tasks, {session.plan.protocol}",
        f"Trial     {_span(fastest, slowest)}, "
        f"up to {byte_size(num_bytes, 3)} of memory"
        + (f" and {byte_size(gpu_bytes, 3)} of a GPU" if gpu_bytes else ""),
        f"Study     {time}; {byte_size(num_bytes * at_once, 3)} of memory",
        f"Results   {session.folder}",
        f"Tracking  {session.store.uri}",
        f"Cache     {session.cache}",
    ]


def _judgement(session: Session) -> Judgement:
    fields = session.trials[0].fields
    return judgement_of(session.study, session.options, fields, session.clips)


def _range(domain: Domain) -> str:
    """Return what can be drawn, in words."""
    if isinstance(domain, Choice | SamplingInterval):
        return ", ".join(map(str, domain.values))
    return f"{domain.ends[0]} to {domain.ends[-1]}"


def _method(fields: Mapping[str, Value]) -> tuple[Value, Value]:
    return fields["learner"], fields["data.stream"]


def by_method(
    trials: Sequence[PlannedTrial],
) -> dict[tuple[Value, Value], list[dict[str, Value]]]:
    """Return the fields of the trials by learner and stream."""
    found: dict[tuple[Value, Value], list[dict[str, Value]]] = {}
    for trial in trials:
        found.setdefault(_method(trial.fields), []).append(trial.fields)
    return found


def slowest_and_fastest(runs: list[dict[str, Value]]) -> list[dict[str, Value]]:
    """Return the runs that are measured: those of the ends of masking ratio or buffer size."""
    ordered = sorted(
        runs, key=lambda fields: (_masking_ratio(fields) or 0.0, -_buffer_size(fields))
    )
    ends = [ordered[0], ordered[-1]]
    same = all(_masking_ratio(r) == _masking_ratio(ends[0]) for r in ends) and (
        _buffer_size(ends[0]) == _buffer_size(ends[1])
    )
    return ends[:1] if same else ends


def _buffer_size(fields: Mapping[str, Value]) -> int:
    size = fields.get("learner.buffer_size")
    return size if isinstance(size, int) else 0


def _masking_ratio(fields: Mapping[str, Value]) -> float | None:
    ratio = fields.get("learner.masking_ratio")
    return ratio if isinstance(ratio, float) else None


def _span(least: float, most: float) -> str:
    ends = dict.fromkeys([duration(least), duration(most)])
    return " to ".join(ends)
