"""The paragraph that says how a winner was selected, for a paper's section on methods."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

from charon.report.search.results import BUFFER_SIZE, INTERVAL, Found, title
from charon.report.statistics import Mean
from charon.report.tables import overridden

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


def effort(found: Found) -> str:
    """Return how many trials there were, by how they ended."""
    counts: dict[str, int] = found.selection["trials"]
    parts = [f"{n} {OUTCOMES.get(status, status)}" for status, n in counts.items()]
    number = sum(counts.values())
    return f"{number} {'trial' if number == 1 else 'trials'} ({', '.join(parts)})"


def methods(found: Found) -> str:
    """Return the paragraph, made of facts of the search alone."""
    facts, study = found.selection, found.results.study
    kind = " (synthetic stand-in, not NTU RGB+D)" if study["is_standin"] else ""
    fields = ", ".join(title(field) for field in found.fields)
    learner = found.results.trials["learner"].iloc[0]
    sentences = [
        f"The hyperparameters of {learner} ({fields}) were searched on {study['data']}{kind}, "
        f"protocol {study['protocol']}, scale {study['scale']}, with {SAMPLERS[facts['sampler']]} "
        f"as implemented in Optuna: {effort(found)}, all with seed {facts['seed']}, the first one "
        f"at the paper's setting{_scaled(found)}.",
        *_extended(study),
        PRUNERS[facts["pruner"]],
        _objective(facts),
        _rule(facts),
        *_budget(study),
        *_overridden(found),
        _confirmation(found),
    ]
    return " ".join(sentences)


def _scaled(found: Found) -> str:
    """Say what of the paper's setting is scaled down with the data."""
    study, paper = found.results.study, found.paper_trial
    known = [name for name in (INTERVAL, BUFFER_SIZE) if name in paper.index]
    if study["scale"] == "paper" or not known:
        return ""
    values = ", ".join(f"{title(name)} {paper[name]:.0f}" for name in known)
    return f", scaled down to the shorter and fewer clips ({values})"


def _extended(study: dict[str, Any]) -> list[str]:
    times = study.get("extensions", 0)
    how_often = "once" if times == 1 else f"{times} times"
    return (
        [f"The number of trials was changed {how_often} after the search began."] if times else []
    )


def _objective(facts: dict[str, Any]) -> str:
    names = [
        f"{name} ({'higher' if way == 'maximize' else 'lower'} is better)"
        for name, way in zip(facts["objectives"], facts["directions"], strict=True)
    ]
    noun = "objective was" if len(names) == 1 else "objectives were"
    return (
        f"The {noun} {' and '.join(names)}, on clips cut from the training split, the same for "
        f"every trial ({facts['validation']})."
    )


def _rule(facts: dict[str, Any]) -> str:
    who = "the finished trial with the best"
    if len(facts["objectives"]) > 1:
        who = (
            f"of the finished trials on the Pareto front ({len(facts['front'])}) the one with the "
            f"best {facts['objectives'][0]}, judged by"
        )
    unseen = (
        "the trials' saved models were scored on the test set before the selection, which "
        "therefore saw it."
        if facts["warning"]
        else "neither the search nor the selection saw a test clip."
    )
    return f"The winner is {who} {facts['meaning']} (rule '{facts['rule']}'); {unseen}"


def _budget(study: dict[str, Any]) -> list[str]:
    budget = study.get("budget")
    return [f"No memory was allowed more than {budget:,} bytes."] if budget else []


def _overridden(found: Found) -> list[str]:
    fields = ", ".join(overridden(found.results.study))
    return [f"Set for all trials on the command line: {fields}."] if fields else []


def numbering(found: Found) -> str:
    """Return how trials are numbered, and which numbers are missing and why."""
    known = set(found.results.trials["number"])
    refused = [number for number in found.refused if number not in known]
    others = set(range(max(known) + 1)) - known - set(refused)
    text = (
        "A trial's number is that of Optuna's suggestion, from #0; the paper's setting is "
        f"#{found.paper_trial['number']}."
    )
    if refused:
        budget = found.results.study["budget"]
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
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [
        [f"#{run[0]} to #{run[-1]}"] if len(run) > 2 else [f"#{number}" for number in run]
        for run in runs
    ]
    return ", ".join(itertools.chain(*parts))


def _confirmation(found: Found) -> str:
    means = confirmed_means(found)
    if not means:
        return "The winner was not learned anew with other seeds, so it has no test accuracy yet."
    assert found.confirm is not None
    seeds = ", ".join(map(str, found.confirm["seeds"]))
    subject = (
        "The winner, which is the paper's setting,"
        if found.selection["winner"]["is_paper"]
        else "The winner and the paper's setting"
    )
    verb = "was" if found.selection["winner"]["is_paper"] else "were"
    results = "; ".join(f"{role} {mean}" for role, mean in means.items())
    spread = (
        "mean ± standard deviation over seeds with the 95 % interval of the mean by Student's t"
        if max(mean.n for mean in means.values()) > 1
        else "of a single seed, which tells nothing of the spread"
    )
    other = ", whose classes the search has not seen" if found.has_other_test else ""
    return (
        f"{subject} {verb} then learned anew on all training clips, without a validation cut, with "
        f"seeds that the search had not used ({seeds}), and evaluated once on the test set of "
        f"{found.confirm['protocol']}{other}: FAA in percent, {spread}: {results}."
    )


def confirmed_means(found: Found) -> dict[str, Mean]:
    """Return what was confirmed, by whom a reader calls it; empty where nothing was."""
    if found.confirm is None:
        return {}
    named = {"the winner": found.confirm["winner"], "the paper's setting": found.confirm["paper"]}
    return {role: _mean(plain) for role, plain in named.items() if plain}


def comparison(found: Found) -> list[str]:
    """Say whether the confirmed winner is better than the paper's setting."""
    means = list(confirmed_means(found).values())
    if len(means) < 2:
        return []
    winner, paper = means
    apart = winner.mean - paper.mean
    way = "above" if apart > 0 else "below"
    text = f"The winner is {abs(apart):.1f} points {way} the paper's setting"
    if winner.n < 2:
        return [f"{text}, of one seed, which shows nothing."]
    if abs(apart) <= winner.half + paper.half:
        return [f"{text}, no difference that {winner.n} seeds can show (the intervals overlap)."]
    return [f"{text}; the intervals do not overlap."]


def _mean(plain: dict[str, Any]) -> Mean:
    std, half = (math.nan if plain[one] is None else plain[one] for one in ("std", "half"))
    return Mean(plain["mean"], std, half, plain["n"])
