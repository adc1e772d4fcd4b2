"""Sentences on how a winner was selected, for the page and for a paper's section on methods."""

import itertools
from collections.abc import Sequence

from charon.report.names import field_title
from charon.report.search.results import BUFFER_SIZE, INTERVAL, Confirmation, Search, Selection
from charon.text import counted

SAMPLERS = {
    "tpe": "tree-structured Parzen estimators (TPE)",
    "random": "random sampling",
    "cmaes": "CMA-ES",
    "gp": "a Gaussian process",
    "nsga2": "NSGA-II",
}
PRUNERS = {
    "none": "No trial was stopped early.",
    "asha": "Trials in the lower half after some tasks were stopped early (ASHA over tasks).",
    "hyperband": "Unpromising trials were stopped early (Hyperband over tasks).",
}
OUTCOMES = {
    "finished": "finished",
    "pruned": "were stopped early",
    "failed": "failed",
    "lost": "were lost with an interrupted process",
    "interrupted": "were interrupted",
}


def effort(search: Search) -> str:
    """Return how many trials there were, by outcome."""
    counts = search.selection.trials
    parts = [f"{n} {OUTCOMES.get(status, status)}" for status, n in counts.items()]
    return f"{counted(sum(counts.values()), 'trial')} ({', '.join(parts)})"


def methods(search: Search) -> str:
    """Return the paragraph for a paper."""
    selection, study = search.selection, search.results.study
    kind = " (synthetic stand-in, not NTU RGB+D)" if study.is_standin else ""
    fields = ", ".join(map(field_title, search.fields))
    learner = search.results.trials["learner"].iloc[0]
    often = "once" if study.extensions == 1 else f"{study.extensions} times"
    sentences = [
        f"The hyperparameters of {learner} ({fields}) were searched on {study.data}{kind}, "
        f"protocol {study.protocol}, scale {study.scale}, with {SAMPLERS[selection.sampler]} as "
        f"implemented in Optuna: {effort(search)}, all with seed {selection.seed}, the first one "
        f"at the paper's setting{_scaled(search)}.",
        f"The number of trials was changed {often} after the search began."
        if study.extensions
        else "",
        PRUNERS[selection.pruner],
        _objective(selection),
        _rule(selection),
        f"No memory was allowed more than {study.budget:,} bytes." if study.budget else "",
        f"Set for all trials on the command line: {', '.join(study.overridden)}."
        if study.overridden
        else "",
        _confirmation(search),
    ]
    return " ".join(filter(None, sentences))


def _scaled(search: Search) -> str:
    """Say what of the paper's setting is scaled down with the data."""
    known = [name for name in (INTERVAL, BUFFER_SIZE) if name in search.paper_trial.index]
    if search.results.study.scale == "paper" or not known:
        return ""
    values = ", ".join(f"{field_title(name)} {search.paper_trial[name]:.0f}" for name in known)
    return f", scaled down to the shorter and fewer clips ({values})"


def _objective(selection: Selection) -> str:
    names = [
        f"{name} ({'higher' if way == 'maximize' else 'lower'} is better)"
        for name, way in zip(selection.objectives, selection.directions, strict=True)
    ]
    noun = "objective was" if len(names) == 1 else "objectives were"
    return (
        f"The {noun} {' and '.join(names)}, on clips cut from the training split, the same for "
        f"every trial ({selection.validation})."
    )


def _rule(selection: Selection) -> str:
    who = "the finished trial with the best"
    if len(selection.objectives) > 1:
        who = (
            f"of the finished trials on the Pareto front ({len(selection.front)}) the one with the "
            f"best {selection.objectives[0]}, judged by"
        )
    unseen = (
        "the trials' saved models were scored on the test set before the selection, which "
        "therefore saw it."
        if selection.warning
        else "neither the search nor the selection saw a test clip."
    )
    return f"The winner is {who} {selection.meaning} (rule '{selection.rule}'); {unseen}"


def _confirmation(search: Search) -> str:
    confirmation = search.confirmation
    if confirmation is None or not confirmation.means:
        return "The winner was not learned anew with other seeds, so it has no test accuracy yet."
    subject, verb = "The winner and the paper's setting", "were"
    if search.selection.winner.is_paper:
        subject, verb = "The winner, which is the paper's setting,", "was"
    spread = (
        "mean ± standard deviation over seeds with the 95 % interval of the mean by Student's t"
        if max(mean.n for mean in confirmation.means.values()) > 1
        else "of a single seed, which tells nothing of the spread"
    )
    other = ", whose classes the search has not seen" if search.other_test else ""
    results = "; ".join(f"{role} {mean}" for role, mean in confirmation.means.items())
    return (
        f"{subject} {verb} then learned anew on all training clips, without a validation cut, with "
        f"seeds that the search had not used ({', '.join(map(str, confirmation.seeds))}), and "
        f"evaluated once on the test set of {confirmation.protocol}{other}: FAA in percent, "
        f"{spread}: {results}."
    )


def comparison(confirmation: Confirmation) -> list[str]:
    """Say whether the confirmed winner is better than the paper's setting."""
    if len(confirmation.means) < 2:
        return []
    winner, paper = confirmation.means.values()
    apart = winner.mean - paper.mean
    way = "above" if apart > 0 else "below"
    text = f"The winner is {abs(apart):.1f} points {way} the paper's setting"
    if winner.n < 2:
        return [f"{text}, of one seed, which shows nothing."]
    if abs(apart) <= winner.half + paper.half:
        return [f"{text}, no difference that {winner.n} seeds can show (the intervals overlap)."]
    return [f"{text}; the intervals do not overlap."]


def numbering(search: Search) -> str:
    """Say how trials are numbered, and which numbers are missing and why."""
    known = set(search.results.trials["number"])
    refused = [number for number in search.selection.refused if number not in known]
    others = set(range(max(known) + 1)) - known - set(refused)
    text = (
        "A trial's number is that of Optuna's suggestion, from #0; the paper's setting is "
        f"#{search.paper_trial['number']}."
    )
    if refused:
        budget = search.results.study.budget
        why = f"over the budget of {budget:,} bytes, or fields" if budget else "fields"
        verb = "was" if len(refused) == 1 else "were"
        text += f" {_ranges(refused)} {verb} never run: {why} that do not go together."
    if others:
        verb = "belongs" if len(others) == 1 else "belong"
        text += (
            f" {_ranges(sorted(others))} {verb} to trials that an interruption ended or that went "
            "on under their first number."
        )
    return text


def _ranges(numbers: Sequence[int]) -> str:
    """Return growing numbers as text: ``#1, #3 to #5``."""
    runs = [
        [number for _, number in run]
        for _, run in itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ]
    return ", ".join(
        f"#{run[0]} to #{run[-1]}" if len(run) > 2 else ", ".join(f"#{n}" for n in run)
        for run in runs
    )
