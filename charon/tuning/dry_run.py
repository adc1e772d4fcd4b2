"""Dry run: the trials, an estimate of their cost, and where the results will be.

The estimate scales up a few training steps and evaluations of each method's and network's slowest
and fastest run, or parts of steps where whole ones are slow.
"""

import math
from collections.abc import Mapping, Sequence

from charon.settings import Value
from charon.text import byte_size, counted, duration, seeds_text
from charon.tuning.cluster.cost import (
    Cost,
    Method,
    costs_of,
    method_of,
    slowest_and_fastest,
    with_networks,
)
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.study.fields import known_fields
from charon.tuning.study.objectives import directions
from charon.tuning.study.space import Choice, SamplingInterval, ends


def lines(ready: ReadyStudy) -> list[str]:
    """Return the trials and the estimate of their cost, line by line."""
    progress, study = ready.progress, ready.study
    done = f", {progress.done} done, {progress.left} to run" if progress.done else ""
    labels = [f"  {trial.label}" for trial in ready.trials]
    if study.is_search:
        labels[0] += f": {start_text(ready.trials[0].fields, study.varied)}"
    return [
        f"{ready.plan.title}: {study.question}",
        f"{counted(progress.num_trials, 'trial')}{done}, {ready.slots} at once",
        *labels,
        *(_search_lines(ready) if study.is_search else []),
        *_cost_lines(ready),
    ]


def _search_lines(ready: ReadyStudy) -> list[str]:
    """Return a search's space, objectives and rule of selection."""
    study, plan, selection = ready.study, ready.plan, ready.selection
    assert selection is not None
    num_suggested = ready.progress.left - (ready.progress.done == 0)
    lines = []
    if num_suggested:
        lines.append(f"  then {num_suggested} that Optuna chooses from")
        for name, domain in study.space.items():
            values = [str(value) for value in ends(domain)]
            is_listed = isinstance(domain, Choice | SamplingInterval)
            lines.append(f"    {name}: {(', ' if is_listed else ' to ').join(values)}")
    if selection.seeds:
        seeds = seeds_text(selection.seeds)
        lines.append(f"  then the winner and the paper's setting, anew with {seeds}")
    objectives = zip(study.objectives, directions(study.objectives), strict=True)
    best = ", ".join(f"{direction} {name}" for name, direction in objectives)
    budget = "none" if plan.budget is None else f"memory/bytes at most {byte_size(plan.budget)}"
    limit = "" if plan.hours is None else f", no new trial after {plan.hours:g} h"
    return [
        *lines,
        f"Objective {best}",
        f"Winner    by {selection.rule.meaning} (--select {selection.rule.name})",
        f"Budget    {budget}{limit}",
        f"Optuna    sampler {plan.sampler}, pruner {plan.pruner}, {seeds_text(study.seeds[:1])}",
    ]


def _cost_lines(ready: ReadyStudy) -> list[str]:
    archive, tasks = ready.data.archive, ready.data.tasks
    possible = with_networks(ready.trials, ready.study.space)
    runs = [run for runs in slowest_and_fastest(possible).values() for run in runs]
    every = costs_of(runs, archive, ready.cpus)
    costs: dict[Method, list[Cost]] = {}
    for run, cost in zip(runs, every, strict=True):
        costs.setdefault(method_of(run), []).append(cost)
    seconds = [cost.seconds for cost in every]
    span = dict.fromkeys([duration(min(seconds)), duration(max(seconds))])
    num_bytes, gpu_bytes = max(c.bytes for c in every), max(c.gpu_bytes for c in every)
    trials = [costs[method_of(trial.fields)] for trial in possible]
    mean = sum(sum(c.seconds for c in trial) / len(trial) for trial in trials) / len(trials)
    at_once, left = ready.slots, ready.progress.left
    selection = ready.selection
    again = 2 * len(selection.seeds) if selection else 0
    # From the command to the first step it takes about 11 s.
    total = 11.0 + mean * (math.ceil(left / at_once) + math.ceil(again / at_once))
    time = f"about {duration(total)}"
    if ready.plan.pruner != "none":
        time = f"at most {time}, for trials may be stopped early"
    return [
        f"Data      {archive.source}: {tasks.num_training_clips} training clips, "
        f"{tasks.num_classes} classes in {len(tasks.tasks)} tasks, {ready.plan.protocol}",
        f"Trial     {' to '.join(span)}, up to {byte_size(num_bytes, 3)} of memory"
        + (f" and {byte_size(gpu_bytes, 3)} of a GPU" if gpu_bytes else ""),
        f"Study     {time}; {byte_size(num_bytes * at_once, 3)} of memory",
        f"Estimate  from {' and '.join(dict.fromkeys(c.basis for c in every))}, timed here, one "
        "trial at a time, and scaled up",
        f"Results   {ready.folder}",
        f"Tracking  {ready.store.uri}",
        f"Cache     {ready.cache}",
    ]


def start_text(start: Mapping[str, Value], varied: Sequence[str]) -> str:
    """Describe a search's first trial by the ``varied`` fields that differ from the paper's."""
    paper = known_fields(start["learner"])
    other = [f"{name}={start[name]}" for name in varied if start[name] != paper[name]]
    return f"the paper's setting{' but for ' if other else ''}{', '.join(other)}"
