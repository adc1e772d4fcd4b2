"""A study that lies in the folder already: it goes on, is made longer, or is moved aside."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charon.errors import ConfigError
from charon.settings import Value
from charon.text import counted
from charon.tuning.records.completion import is_over
from charon.tuning.records.folder import ResultsError
from charon.tuning.records.journal import FAILED, FINISHED, PRUNED, Journal
from charon.tuning.records.plan import Plan, read_plan
from charon.tuning.session.options import REMEMBERED, Options


@dataclass(frozen=True)
class Standing:
    """How far a study is.

    Attributes:
        done: trials that were learned or pruned.
        failed: trials that failed; they are tried again.
        num_trials: in all.
    """

    done: int
    failed: int
    num_trials: int

    @property
    def left(self) -> int:
        """Trials that are not done."""
        return max(0, self.num_trials - self.done)

    @property
    def sentence(self) -> str:
        """The same in words."""
        verb = "is" if self.done == 1 else "are"
        again = ""
        if self.failed:
            again = f"; {self.failed} that failed {'is' if self.failed == 1 else 'are'} tried again"
        return f"Going on: {self.done} of {counted(self.num_trials, 'trial')} {verb} done{again}."


def standing_of(journal: Journal, num_trials: int) -> Standing:
    """Return how far the study is that wrote this journal."""
    statuses = [record.status for record in journal.trials.values()]
    done = sum(status in (FINISHED, PRUNED) for status in statuses)
    return Standing(done, statuses.count(FAILED), num_trials)


def with_remembered(options: Options, plan: Plan) -> Options:
    """Fill what was not given on the command line from the study that is resumed."""
    old = {name: plan.options[name] for name in REMEMBERED}
    for name in ("seeds", "benchmark", "objectives"):
        old[name] = tuple(old[name]) if old[name] else None
    default = Options().remembered()
    given = {name: v for name, v in options.remembered().items() if v != default[name]}
    if options.gpus == "auto":
        del given["gpus"]  # it was measured when the study began
    return replace(options, **{**old, **given})


def check_same(old: Plan, now: Plan, command: str) -> None:
    """Check that what is resumed is what was started; only how long it is may change.

    Args:
        old: what was started.
        now: what would be started now.
        command: that goes on with it, for the error's sentence.

    Raises:
        ConfigError: something differs; names the first difference.
    """
    _refuse(old, _difference(old, now), command)


def check_fields(old: Plan, fields: Mapping[str, Value], command: str) -> None:
    """Check, before any clip is read, what the command line sets for all runs.

    Args:
        old: what was started.
        fields: the fields that are set now.
        command: that goes on with it, for the error's sentence.

    Raises:
        ConfigError: one of them was another; names the first.
    """
    for trial in old.trials:
        chosen = {name: value for name, value in fields.items() if name in trial["fields"]}
        _refuse(old, _difference_of_fields(trial, {**trial["fields"], **chosen}), command)


def _refuse(old: Plan, what: str, command: str) -> None:
    """Refuse to go on for what has changed, unless that is empty."""
    if what:
        raise ConfigError(
            f"The study that began on {old.started} cannot go on, for it has changed: {what}. "
            f"Go on with it as it was ({command}), or start anew with --results DIR."
        )


def _difference(old: Plan, now: Plan) -> str:
    what = _difference_of_runs(old.trials, now.trials)
    if what:
        return what
    if old.fingerprint != now.fingerprint:
        return f"the clips of {old.data} are not those it began with"
    for name in dict.fromkeys([*old.space, *now.space]):
        if old.space.get(name) != now.space.get(name):
            return f"the space of {name} was {old.space.get(name)}, now {now.space.get(name)}"
    before, after = _settled(old), _settled(now)
    for name, value in before.items():
        if value != after[name]:
            return f"its {name} was {value}, now {after[name]}"
    if now.options["share_first_task"] and not old.options["share_first_task"]:
        return "--share-first-task was not given then"
    return ""


def _difference_of_runs(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> str:
    if len(old) != len(new):
        return f"it had {len(old)} runs and now has {len(new)}"
    differences = (
        _difference_of_fields(before, after["fields"])
        for before, after in zip(old, new, strict=True)
    )
    return next(filter(None, differences), "")


def _difference_of_fields(trial: dict[str, Any], now: Mapping[str, Value]) -> str:
    fields: dict[str, Value] = trial["fields"]
    for name in dict.fromkeys([*fields, *now]):
        if fields.get(name) != now.get(name):
            values = f"{fields.get(name)!r}, now {now.get(name)!r}"
            return f"{name} of {trial['label']!r} was {values}"
    return ""


def _settled(plan: Plan) -> dict[str, object]:
    """Return what cannot change beside runs and space, each by the name a person gives it."""
    return {
        "objective": " ".join(plan.objectives),
        "sampler": plan.sampler,
        "pruner": plan.pruner,
        "budget": plan.budget,
        "--cpus-per-trial": plan.options["cpus"],
        "--gpus-per-trial": plan.options["gpus"],
    }


def longer(plan: Plan, options: Options, journal: Journal) -> Plan:
    """Return the plan of a study that goes on, with more trials or hours where asked for.

    What was chosen now is remembered when it goes on once more.

    Raises:
        ConfigError: trials are to be added to a search that is not over, or there are to be
            fewer than there are.
    """
    plan = replace(plan, options=options.remembered())
    if options.extend is None:
        hours = plan.hours if options.hours is None else options.hours
        num_trials = options.trials or plan.num_trials
        begun = len(journal.trials)
        if num_trials < min(begun, plan.num_trials):
            raise ConfigError(
                f"--trials {num_trials} is less than this search has begun already: give at least "
                f"{begun}, or leave --trials out for its {plan.num_trials}."
            )
        extensions = plan.extensions + (num_trials != plan.num_trials)
        return replace(plan, num_trials=num_trials, hours=hours, extensions=extensions)
    over = len(journal.over)
    if options.trials is not None:
        raise ConfigError("--extend N adds to what there is; leave --trials out.")
    if not is_over(journal, plan.num_trials):
        raise ConfigError(
            f"--extend adds to a search that is over, but of this one {over} of "
            f"{counted(plan.num_trials, 'trial')} are: go on with --resume, and --trials N for "
            "more."
        )
    return replace(
        plan,
        num_trials=over + options.extend,
        hours=options.hours,
        extensions=plan.extensions + 1,
    )


@contextmanager
def room(folder: Path, *, is_resumed: bool = False, dry_run: bool = False) -> Iterator[str]:
    """Make room for a new study in ``folder``; a finished one in it is moved aside.

    Should the new study come to nothing, by an error within, the old one is put back.

    Args:
        folder: the new study's.
        is_resumed: whether the study in it goes on, so that nothing is moved.
        dry_run: whether that is only said.

    Yields:
        What was done, in one sentence; empty if there was nothing to do.

    Raises:
        ResultsError: an unfinished study lies there.
        CheckpointError: as :func:`read_plan`.
    """
    plan = None if is_resumed else read_plan(folder)
    if plan is None:
        yield ""
        return
    journal = Journal(folder / "journal.jsonl")
    over = len(journal.over)
    has_begun = over > 0 or any(record.curve for record in journal.trials.values())
    if has_begun and not is_over(journal, plan.num_trials):
        raise ResultsError(
            f"{folder} holds an unfinished study ({over} of {counted(plan.num_trials, 'trial')} "
            "are over): go on with --resume, or start anew with another --results DIR."
        )
    if dry_run:
        yield f"The earlier study in {folder} would be moved aside."
        return
    aside = move_aside(folder, plan)
    try:
        yield f"The earlier study was moved to {aside}."
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
        raise


def move_aside(folder: Path, plan: Plan | None) -> Path:
    """Move a study's folder aside, named by when it began; return where it is.

    Args:
        folder: the study's.
        plan: what it set out to do; None where that is not known.
    """
    stamp = plan.started.replace(":", "").replace("T", "-") if plan else "unknown"
    aside = folder.with_name(f"{folder.name}-{stamp}")
    while aside.exists():
        aside = aside.with_name(aside.name + "+")
    folder.rename(aside)
    return aside
