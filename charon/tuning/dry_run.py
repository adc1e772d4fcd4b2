"""A dry run: the trials, what they will take, and where the results will be.

Time is measured, not guessed: a few real training steps and evaluations of each method, of its
slowest and its fastest kind of run, scaled up to all epochs and clips.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from charon.settings import Value
from charon.text import byte_size, counted, duration, seeds_text
from charon.tuning.cluster.cost import by_method, cost_of, method_of, slowest_and_fastest
from charon.tuning.records.plan import Plan
from charon.tuning.session.data import StudyClips
from charon.tuning.session.planning import PlannedStudy
from charon.tuning.session.request import Request
from charon.tuning.session.resume import Standing
from charon.tuning.study.fields import known_fields
from charon.tuning.study.objectives import directions
from charon.tuning.study.space import Choice, Domain, SamplingInterval

START_SECONDS = 11.0
"""From the command to the first step, about."""


@dataclass(frozen=True)
class Estimate:
    """What a study would do and take.

    Attributes:
        request: what was asked for.
        planned: its runs.
        plan: what would stand in ``study.json``.
        standing: how far it is.
        clips: the data.
        cpus: of one trial.
        slots: trials at once.
    """

    request: Request
    planned: PlannedStudy
    plan: Plan
    standing: Standing
    clips: StudyClips
    cpus: float
    slots: int

    def lines(self, tracking_uri: str) -> list[str]:
        """Return the trials and their cost, measured on a few steps of theirs, line by line."""
        search = self._search_lines() if self.planned.selection else []
        return [self._headline(), *search, *self._cost_lines(tracking_uri)]

    def _headline(self) -> str:
        standing, study = self.standing, self.planned.study
        number = counted(standing.num_trials, "trial")
        done = f", {standing.done} done, {standing.left} to run" if standing.done else ""
        labels = [f"  {trial.label}" for trial in self.planned.trials]
        if study.is_search:
            labels[0] += f": {start_text(self.planned.start, study.varied)}"
        return "\n".join(
            [
                f"{self.plan.title}: {study.question}",
                f"{number}{done}, {self.slots} at once",
                *labels,
            ]
        )

    def _search_lines(self) -> list[str]:
        """Return what a search draws from, what it is for and how it is judged."""
        study, plan, selection = self.planned.study, self.plan, self.planned.selection
        assert selection is not None
        chosen = self.standing.left - (self.standing.done == 0)
        lines = []
        if chosen:
            lines.append(f"  then {chosen} that Optuna chooses from")
            lines += [f"    {name}: {_range(domain)}" for name, domain in study.space.items()]
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
            f"Optuna    sampler {plan.sampler}, pruner {plan.pruner}, "
            f"{seeds_text(study.seeds[:1])}",
        ]

    def _cost_lines(self, tracking_uri: str) -> list[str]:
        archive, tasks = self.clips.archive, self.clips.tasks
        costs = {
            method: [cost_of(run, archive, self.cpus) for run in slowest_and_fastest(runs)]
            for method, runs in by_method(self.planned.trials).items()
        }
        every = [cost for some in costs.values() for cost in some]
        slowest = max(cost.seconds for cost in every)
        fastest = min(cost.seconds for cost in every)
        num_bytes, gpu_bytes = max(c.bytes for c in every), max(c.gpu_bytes for c in every)
        trials = [costs[method_of(trial.fields)] for trial in self.planned.trials]
        mean = sum(sum(c.seconds for c in some) / len(some) for some in trials) / len(trials)
        at_once, left = self.slots, self.standing.left
        selection = self.planned.selection
        again = 2 * len(selection.seeds) if selection else 0
        total = START_SECONDS + mean * (math.ceil(left / at_once) + math.ceil(again / at_once))
        time = f"about {duration(total)}"
        if self.plan.pruner != "none":
            time = f"at most {time}, for trials may be stopped early"
        return [
            f"Data      {archive.source}: {tasks.num_training_clips} training clips, "
            f"{tasks.num_classes} classes in {len(tasks.tasks)} tasks, {self.plan.protocol}",
            f"Trial     {_span(fastest, slowest)}, "
            f"up to {byte_size(num_bytes, 3)} of memory"
            + (f" and {byte_size(gpu_bytes, 3)} of a GPU" if gpu_bytes else ""),
            f"Study     {time}; {byte_size(num_bytes * at_once, 3)} of memory",
            f"Results   {self.request.folder}",
            f"Tracking  {tracking_uri}",
            f"Cache     {self.request.cache}",
        ]


def start_text(start: Mapping[str, Value], varied: Sequence[str]) -> str:
    """Say what a search begins with: the paper's setting, and what of it is another's.

    Args:
        start: all fields of its first trial; its scale or its base may have changed some.
        varied: those that the search varies.
    """
    paper = known_fields(start["learner"])
    other = [f"{name}={start[name]}" for name in varied if start[name] != paper[name]]
    return f"the paper's setting{' but for ' if other else ''}{', '.join(other)}"


def _range(domain: Domain) -> str:
    """Return what can be drawn, in words."""
    if isinstance(domain, Choice | SamplingInterval):
        return ", ".join(map(str, domain.values))
    return f"{domain.ends[0]} to {domain.ends[-1]}"


def _span(least: float, most: float) -> str:
    ends = dict.fromkeys([duration(least), duration(most)])
    return " to ".join(ends)
