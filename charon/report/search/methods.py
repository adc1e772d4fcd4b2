"""Sentences on how a winner was selected, for the page and for a paper's section on methods."""

from collections.abc import Collection

import numpy as np
from pandas import notna

from charon.report.names import field_text, field_title
from charon.report.search.results import BUFFER_BYTES, BUFFER_SIZE, INTERVAL, PAPER, WINNER, Search
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
    "pruned": "were stopped early",
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
    selection, study, paper = search.selection, search.results.study, search.compared[PAPER]
    kind = " (synthetic stand-in, not NTU RGB+D)" if study.is_standin else ""
    fields = ", ".join(map(field_title, selection.paper))
    objectives = " and ".join(
        f"{name} ({'higher' if way == 'maximize' else 'lower'} is better)"
        for name, way in zip(selection.objectives, selection.directions, strict=True)
    )
    sentences = [
        f"The hyperparameters of {search.results.trials['learner'].iloc[0]} ({fields}) were "
        f"searched on {study.data}{kind}, protocol {study.protocol}, scale {study.scale}, with "
        f"{SAMPLERS[selection.sampler]} as implemented in Optuna: {effort(search)}, all with seed "
        f"{selection.seed}, the first one at the paper's setting.",
    ]
    names = (INTERVAL, BUFFER_SIZE, BUFFER_BYTES)
    scaled = [f"{field_title(n)} {field_text(n, paper[n])}" for n in names if notna(paper.get(n))]
    if scaled and study.scale != "paper":
        sentences.append(f"It is scaled down to the shorter and fewer clips ({', '.join(scaled)}).")
    if study.extensions:
        times = counted(study.extensions, "time")
        sentences.append(f"The number of trials was changed {times} after the search began.")
    several = len(selection.objectives) > 1
    front = f" on the Pareto front ({len(selection.front)})" if several else ""
    unseen = "neither the search nor the selection saw a test clip."
    if selection.warning:
        unseen = "saved models met the test set before the selection, which therefore saw it."
    sentences += [
        PRUNERS[selection.pruner],
        f"The search optimised {objectives}, on clips cut from the training split, the same for "
        f"every trial ({selection.validation}).",
        f"Of the finished trials{front} the winner has the best {selection.objectives[0]}, judged "
        f"by {selection.meaning} (rule '{selection.rule}'); {unseen}",
    ]
    if study.budget:
        sentences.append(f"No memory was allowed more than {study.budget:,} bytes.")
    if study.overridden:
        sentences.append(f"Set for all trials on the command line: {', '.join(study.overridden)}.")
    return " ".join([*sentences, _confirmation(search)])


def _confirmation(search: Search) -> str:
    confirmation = search.confirmation
    if confirmation is None or not confirmation.faas:
        return "The winner was not learned anew with other seeds, so it has no test accuracy yet."
    means, is_paper = confirmation.means, search.selection.winner.is_paper
    who = "the winner, which is the paper's setting," if is_paper else f"{WINNER} and {PAPER}"
    spread = "of a single seed, which tells nothing of the spread"
    if max(mean.n for mean in means.values()) > 1:
        spread = "mean ± standard deviation over seeds, 95 % interval of the mean by Student's t"
    other = ", whose classes the search has not seen" if confirmation.is_other_test else ""
    return (
        f"A confirm stage then learned {who} anew on all training clips, without a validation cut, "
        f"with seeds that the search had not used ({', '.join(map(str, confirmation.seeds))}), and "
        f"evaluated each run once on the test set of {confirmation.protocol}{other}: FAA in "
        f"percent, {spread}: {'; '.join(f'{name} {mean}' for name, mean in means.items())}."
    )


def comparison(search: Search) -> str:
    """Say whether the confirmed winner is better than the paper's setting; empty if not known."""
    if search.confirmation is None or search.confirmation.apart is None:
        return ""
    apart = search.confirmation.apart.apart
    way = "above" if apart.mean > 0 else "below"
    text = f"The winner is {abs(apart.mean):.1f} points {way} the paper's setting"
    if apart.n == 0:
        return "No seed has confirmed both settings, so they are not compared."
    if apart.n == 1:
        return f"{text}, of one seed, which shows nothing."
    interval = f"seed by seed, 95 % interval {apart.low:+.1f} to {apart.high:+.1f}"
    if search.confirmation.apart.is_decided:
        return f"{text} ({interval}, n = {apart.n}; paired t-test, p < 0.05)."
    return f"{text} ({interval}), no difference that {apart.n} seeds can show (paired t-test)."


def thinned(search: Search) -> str:
    """Say why the winner's memory has more clips than its size; empty where it has not."""
    trial = search.compared[WINNER]
    if not notna(trial.get(BUFFER_SIZE)) or trial.get(INTERVAL, 1) <= 1:
        return ""
    return (
        "M counts clips of all frames. A memory that keeps every s-th frame holds s times as many "
        f"clips in the bytes of M, so `winner.json`, with M = {trial[BUFFER_SIZE]:.0f} and s = "
        f"{trial[INTERVAL]:.0f}, remembers {trial['memory/clips']:.0f} clips."
    )


def numbering(search: Search) -> str:
    """Say how trials are numbered, and which numbers are missing and why."""
    known = set(search.results.trials["number"])
    refused = set(search.selection.refused) - known
    others = set(range(max(known) + 1)) - known - refused
    text = (
        "A trial's number is that of Optuna's suggestion, from #0; the paper's setting is "
        f"#{search.compared[PAPER]['number']}."
    )
    if refused:
        budget = search.results.study.budget
        why = f"over the budget of {budget:,} bytes, or fields" if budget else "fields"
        text += f" Never run: {_ranges(refused)} ({why} that do not go together)."
    if others:
        text += f" Ended by an interruption, or gone on under the first number: {_ranges(others)}."
    return text


def _ranges(numbers: Collection[int]) -> str:
    """Return numbers as text: ``#1, #3 to #5``."""
    ordered = np.sort(list(numbers))
    runs = np.split(ordered, np.flatnonzero(np.diff(ordered) > 1) + 1)
    return ", ".join(
        f"#{run[0]} to #{run[-1]}" if len(run) > 2 else ", ".join(f"#{n}" for n in run)
        for run in runs
    )
