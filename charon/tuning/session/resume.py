"""Resume, extend or move aside the study in a results folder."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from charon.errors import CheckpointError, ConfigError
from charon.files import reading_from
from charon.plain import conform
from charon.settings import Value
from charon.text import counted
from charon.tuning.records.folder import ResultsError
from charon.tuning.records.journal import FAILED, FINISHED, PRUNED, Journal, is_over
from charon.tuning.records.plan import Plan, read_plan
from charon.tuning.session.options import REMEMBERED, Options
from charon.tuning.study.fields import complete


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
    """Fill options that are not given again from the plan of the resumed study.

    Raises:
        CheckpointError: the plan's are not options of a study.
    """
    what = f"The plan of the study {plan.name!r} (study.json)"
    with reading_from(what, "move its folder away", CheckpointError):
        # A study may be older than an option.
        known = {name: plan.options[name] for name in REMEMBERED if name in plan.options}
        saved = conform(known, Options)
        several = ("seeds", "benchmark", "class_order", "objectives")
        old = {**saved.remembered(), **{name: getattr(saved, name) or None for name in several}}
    default = Options().remembered()
    given = {name: v for name, v in options.remembered().items() if v != default[name]}
    if options.gpus == "auto":
        del given["gpus"]  # it was measured when the study began
    return replace(options, **{**old, **given})


def check_same(old: Plan, now: Plan, command: str) -> None:
    """Raise a ConfigError that names the first difference if a resumed study has changed.

    Only its length may. ``command``, which resumes it, is for the message.
    """
    if old.name != now.name:
        raise ConfigError(
            f"The folder holds the study {old.name!r}, and this is {now.name!r}; give another "
            "folder with --results DIR."
        )
    _refuse(old, _changes(old, now), command)


def check_fields(old: Plan, fields: Mapping[str, Value], command: str) -> None:
    """Raise a ConfigError if a field that the command line sets had another value in some run."""
    for trial in old.trials:
        known = {name: value for name, value in fields.items() if name in trial["fields"]}
        _refuse(old, _changed_fields(trial, {**trial["fields"], **known}), command)


def _refuse(old: Plan, changes: Iterator[str], command: str) -> None:
    for change in changes:
        raise ConfigError(
            f"The study that began on {old.started} cannot go on, for it has changed: {change}. "
            f"Go on with it as it was ({command}), or start anew with --results DIR."
        )


def _changes(old: Plan, now: Plan) -> Iterator[str]:
    if len(old.trials) != len(now.trials):
        yield f"it had {len(old.trials)} runs and now has {len(now.trials)}"
    for before, after in zip(old.trials, now.trials, strict=True):
        yield from _changed_fields(before, after["fields"])
    if old.fingerprint != now.fingerprint:
        yield f"the clips of {old.data} are not those it began with"
    for what, before, after in _differences(_settled(old), _settled(now)):
        yield f"{what} was {before}, now {after}"
    if now.options["share_first_task"] and not old.options["share_first_task"]:
        yield "--share-first-task was not given then"


def _changed_fields(trial: Mapping[str, Any], now: Mapping[str, Value]) -> Iterator[str]:
    old = trial["fields"]
    if old == now:  # of thousands, nearly all
        return
    with suppress(ConfigError):  # of an older version: it had the default of newer fields
        old = complete(old)
    for name, before, after in _differences(old, now):
        yield f"{name} of {trial['label']!r} was {before!r}, now {after!r}"


def _differences(old: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield each name with its two values, None where it is missing, if they differ."""
    for name in dict.fromkeys([*old, *now]):
        if old.get(name) != now.get(name):
            yield name, old.get(name), now.get(name)


def _settled(plan: Plan) -> dict[str, object]:
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
    over, begun = journal.num_over, len(journal.trials)
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
        ResultsError: the folder holds an unfinished study, or the journal of one without its plan.
        CheckpointError: its plan is damaged or of another version.
    """
    plan = None if is_resumed else read_plan(folder)
    if plan is None and not is_resumed and (folder / "journal.jsonl").exists():
        raise ResultsError(
            f"{folder} holds the journal of a study, but not its study.json, without which it "
            "cannot go on: put that back, move the folder away, or choose another with "
            "--results DIR."
        )
    if plan is None:
        yield ""
        return
    journal = Journal(folder / "journal.jsonl")
    over = journal.num_over
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
