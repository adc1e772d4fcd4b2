"""Resume, extend or move aside the study in a results folder."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charon.errors import ConfigError
from charon.settings import Value
from charon.text import counted
from charon.tuning.records.folder import ResultsError
from charon.tuning.records.journal import FAILED, FINISHED, PRUNED, Journal, is_over
from charon.tuning.records.plan import Plan, read_plan
from charon.tuning.session.options import REMEMBERED, Options


@dataclass(frozen=True)
class StudyProgress:
    """How many of all trials of a study are done, and how many failed and are tried again."""

    done: int
    failed: int
    num_trials: int

    @property
    def left(self) -> int:
        """Trials that are not done."""
        return max(0, self.num_trials - self.done)

    @property
    def sentence(self) -> str:
        """The same for people."""
        verb = "is" if self.done == 1 else "are"
        again = ""
        if self.failed:
            again = f"; {self.failed} that failed {'is' if self.failed == 1 else 'are'} tried again"
        return f"Going on: {self.done} of {counted(self.num_trials, 'trial')} {verb} done{again}."


def progress_of(journal: Journal, num_trials: int) -> StudyProgress:
    """Return the progress of the study that wrote this journal."""
    statuses = [record.status for record in journal.trials.values()]
    done = sum(status in (FINISHED, PRUNED) for status in statuses)
    return StudyProgress(done, statuses.count(FAILED), num_trials)


def restore_options(options: Options, plan: Plan) -> Options:
    """Fill options that are not given again from the plan of the resumed study."""
    old = {name: plan.options[name] for name in REMEMBERED}
    for name in ("seeds", "benchmark", "objectives"):
        old[name] = tuple(old[name]) if old[name] else None
    default = Options().remembered()
    given = {name: v for name, v in options.remembered().items() if v != default[name]}
    if options.gpus == "auto":
        del given["gpus"]  # it was measured when the study began
    return replace(options, **{**old, **given})


def check_same(old: Plan, now: Plan, command: str) -> None:
    """Check that a resumed study is as it was started; only its length may change.

    ``command``, which resumes it, is for the message.

    Raises:
        ConfigError: the plans differ; names the first difference.
    """
    _refuse(old, _difference(old, now), command)


def check_fields(old: Plan, fields: Mapping[str, Value], command: str) -> None:
    """Check, before any clip is read, the fields that the command line sets for all runs.

    Raises:
        ConfigError: a field of the resumed study has another value; names the first.
    """
    for trial in old.trials:
        known = {name: value for name, value in fields.items() if name in trial["fields"]}
        _refuse(old, _difference_of_fields(trial, {**trial["fields"], **known}), command)


def _refuse(old: Plan, difference: str, command: str) -> None:
    if difference:
        raise ConfigError(
            f"The study that began on {old.started} cannot go on, for it has changed: "
            f"{difference}. "
            f"Go on with it as it was ({command}), or start anew with --results DIR."
        )


def _difference(old: Plan, now: Plan) -> str:
    if len(old.trials) != len(now.trials):
        return f"it had {len(old.trials)} runs and now has {len(now.trials)}"
    for before, after in zip(old.trials, now.trials, strict=True):
        if difference := _difference_of_fields(before, after["fields"]):
            return difference
    if old.fingerprint != now.fingerprint:
        return f"the clips of {old.data} are not those it began with"
    before_settled, after_settled = _settled(old), _settled(now)
    for what in dict.fromkeys([*before_settled, *after_settled]):
        values = before_settled.get(what), after_settled.get(what)
        if values[0] != values[1]:
            return f"{what} was {values[0]}, now {values[1]}"
    if now.options["share_first_task"] and not old.options["share_first_task"]:
        return "--share-first-task was not given then"
    return ""


def _difference_of_fields(trial: dict[str, Any], now: Mapping[str, Value]) -> str:
    fields: dict[str, Value] = trial["fields"]
    for name in dict.fromkeys([*fields, *now]):
        if fields.get(name) != now.get(name):
            values = f"{fields.get(name)!r}, now {now.get(name)!r}"
            return f"{name} of {trial['label']!r} was {values}"
    return ""


def _settled(plan: Plan) -> dict[str, object]:
    """Return what else cannot change, by its names in messages."""
    return {
        **{f"the space of {name}": domain for name, domain in plan.space.items()},
        "its objective": " ".join(plan.objectives),
        "its sampler": plan.sampler,
        "its pruner": plan.pruner,
        "its budget": plan.budget,
        "its --cpus-per-trial": plan.options["cpus"],
        "its --gpus-per-trial": plan.options["gpus"],
    }


def extended_plan(plan: Plan, options: Options, journal: Journal) -> Plan:
    """Return the plan of a resumed study with the options, trials and hours asked for now.

    Raises:
        ConfigError: trials are to be added to an unfinished search, or fewer trials are asked
            for than have begun.
    """
    over, begun = len(journal.over), len(journal.trials)
    if options.extend is None:
        num_trials = options.trials or plan.num_trials
        hours = plan.hours if options.hours is None else options.hours
        is_extended = num_trials != plan.num_trials
        if num_trials < min(begun, plan.num_trials):
            raise ConfigError(
                f"--trials {num_trials} is less than this search has begun already: give at least "
                f"{begun}, or leave --trials out for its {plan.num_trials}."
            )
    else:
        num_trials, hours, is_extended = over + options.extend, options.hours, True
        if options.trials is not None:
            raise ConfigError("--extend N adds to what there is; leave --trials out.")
        if not is_over(journal, plan.num_trials):
            raise ConfigError(
                f"--extend adds to a search that is over, but of this one {over} of "
                f"{counted(plan.num_trials, 'trial')} are: go on with --resume, and --trials N "
                "for more."
            )
    return replace(
        plan,
        options=options.remembered(),
        num_trials=num_trials,
        hours=hours,
        extensions=plan.extensions + is_extended,
    )


@contextmanager
def make_room(folder: Path, *, is_resumed: bool = False, dry_run: bool = False) -> Iterator[str]:
    """Make room for a new study in ``folder``: a finished study in it is moved aside.

    It is put back if the block raises an error. A study that is resumed is not moved; in a dry run
    moving is only announced.

    Yields:
        A sentence on what was moved; empty if nothing was.

    Raises:
        ResultsError: the folder holds an unfinished study.
        CheckpointError: its plan is damaged or of another version.
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
    """Move a study's folder aside, named by the start in its plan if known; return its path."""
    stamp = plan.started.replace(":", "").replace("T", "-") if plan else "unknown"
    aside = folder.with_name(f"{folder.name}-{stamp}")
    while aside.exists():
        aside = aside.with_name(aside.name + "+")
    folder.rename(aside)
    return aside
