"""``study.json``: what a study set out to do, so that it can be resumed and read."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from charon.errors import CheckpointError, ConfigError
from charon.files import write_text
from charon.tuning.ending import is_over
from charon.tuning.expansion import PlannedTrial
from charon.tuning.files import ResultsError
from charon.tuning.journal import FAILED, FINISHED, PRUNED, Journal, Value
from charon.tuning.options import REMEMBERED, Options
from charon.tuning.space import Space
from charon.tuning.study import Study

VERSION = 3
"""Of the files a study leaves; another version cannot resume them."""


@dataclass(frozen=True)
class Plan:
    """What stands in ``study.json``.

    Attributes:
        version: :data:`VERSION` of the code that made it.
        key: unique to this study; its runs in MLflow are found by it.
        name, question, varied: the declaration.
        objectives: what "best" is about.
        space: what a search varies, as text by field; empty for a grid.
        sampler, pruner: how a search chooses and stops trials.
        budget: most bytes of a memory; None for any.
        started: date and time.
        data, protocol, fingerprint, is_standin: what the numbers are measured on.
        scale: size of the runs.
        num_trials: trials in all.
        hours: after which no new trial starts; None for any time.
        options: the command line's part that a resumed study takes over.
        trials: label and fields of every planned run.
        command: how it was started.
    """

    version: int
    key: str
    name: str
    question: str
    objectives: tuple[str, ...]
    varied: tuple[str, ...]
    space: dict[str, str]
    sampler: str
    pruner: str
    budget: int | None
    started: str
    data: str
    protocol: str
    fingerprint: str
    is_standin: bool
    scale: str
    num_trials: int
    hours: float | None
    options: dict[str, Any]
    trials: list[dict[str, Any]]
    command: str

    @property
    def title(self) -> str:
        """The study as one line: name, data, scale and start."""
        return f"{self.name} on {self.data}, {self.scale}, {self.started[:16].replace('T', ' ')}"

    def write(self, folder: Path) -> None:
        """Write ``study.json``.

        Raises:
            OSError: the folder cannot be written.
        """
        write_text(folder / "study.json", json.dumps(asdict(self), indent=1))


def new_key() -> tuple[str, str]:
    """Return a key that no other study has, and the time now."""
    return uuid.uuid4().hex[:12], datetime.now().isoformat(timespec="seconds")


def read_plan(folder: Path) -> Plan | None:
    """Read ``study.json``; None where there is none.

    Raises:
        CheckpointError: it was left by another version, or is not one.
    """
    path = folder / "study.json"
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise CheckpointError(
                f"{path} was left by version {content['version']} of this code, and this is "
                f"{VERSION}: finish the study with that version, or start it anew in another "
                "folder with --results DIR."
            )
        tuples = {name: tuple(content[name]) for name in ("varied", "objectives")}
        return Plan(**{**content, **tuples})
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); move the folder away.") from error


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


def check_same(
    plan: Plan,
    study: Study,
    trials: Sequence[PlannedTrial],
    options: Options,
    budget: int | None = None,
) -> None:
    """Check that what is resumed is what was started; only how long it is may change.

    Raises:
        ConfigError: something differs; names the first difference.
    """
    now = [asdict(trial) for trial in trials]
    what = _difference(plan.trials, now) or _difference_of_search(plan, study, budget)
    for name in ("cpus", "gpus"):
        if getattr(options, name) != plan.options[name]:
            what = f"--{name}-per-trial, then {plan.options[name]}, now {getattr(options, name)}"
    if options.share_first_task and not plan.options["share_first_task"]:
        what = "--share-first-task was not given then"
    if what:
        raise ConfigError(
            f"The study that began on {plan.started} cannot go on, for it has changed: {what}. "
            f"Resume it as it was begun ({plan.command} --resume), or start anew with "
            "--results DIR."
        )


def _difference(old: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> str:
    if len(old) != len(new):
        return f"it had {len(old)} runs and now has {len(new)}"
    for before, after in zip(old, new, strict=True):
        fields: dict[str, Value] = before["fields"]
        for name in dict.fromkeys([*fields, *after["fields"]]):
            if fields.get(name) != after["fields"].get(name):
                values = f"{fields.get(name)!r}, now {after['fields'].get(name)!r}"
                return f"{name} of {before['label']!r} was {values}"
    return ""


def _difference_of_search(plan: Plan, study: Study, budget: int | None) -> str:
    space = described(study.space)
    for name in dict.fromkeys([*plan.space, *space]):
        if plan.space.get(name) != space.get(name):
            return f"the space of {name} was {plan.space.get(name)}, now {space.get(name)}"
    before = {
        "objective": " ".join(plan.objectives),
        "sampler": plan.sampler,
        "pruner": plan.pruner,
        "budget": plan.budget,
    }
    after = {
        "objective": " ".join(study.objectives),
        "sampler": study.sampler,
        "pruner": study.pruner,
        "budget": budget,
    }
    for name, value in before.items():
        if value != after[name]:
            return f"its {name} was {value}, now {after[name]}"
    return ""


def described(space: Space) -> dict[str, str]:
    """Return a space as text."""
    return {name: repr(domain) for name, domain in space.items()}


def longer(plan: Plan, options: Options, journal: Journal) -> Plan:
    """Return the plan of a study that goes on, with more trials or hours where asked for.

    Raises:
        ConfigError: trials are to be added to a search that is not over.
    """
    if options.extend is None:
        hours = plan.hours if options.hours is None else options.hours
        return replace(plan, num_trials=options.trials or plan.num_trials, hours=hours)
    over = [r for r in journal.trials.values() if r.status in (FINISHED, PRUNED, FAILED)]
    if options.trials is not None:
        raise ConfigError("--extend N adds to what there is; leave --trials out.")
    if not is_over(journal, plan.num_trials):
        raise ConfigError(
            f"--extend adds to a search that is over, but of this one {len(over)} of "
            f"{plan.num_trials} trials are: go on with --resume, and --trials N for more."
        )
    return replace(plan, num_trials=len(over) + options.extend, hours=options.hours)


def make_room(folder: Path) -> str:
    """Make sure that a new study may use ``folder``; a finished one in it is moved aside.

    Returns:
        What was done, in one sentence; empty if there was nothing to do.

    Raises:
        ResultsError: an unfinished study lies there.
        CheckpointError: as :func:`read_plan`.
    """
    plan = read_plan(folder)
    if plan is None:
        return ""
    journal = Journal(folder / "journal.jsonl")
    records = journal.trials.values()
    over = sum(record.status in (FINISHED, PRUNED, FAILED) for record in records)
    has_begun = over > 0 or any(record.curve for record in records)
    if has_begun and not is_over(journal, plan.num_trials):
        raise ResultsError(
            f"{folder} holds an unfinished study ({over} of {plan.num_trials} trials are over): "
            "go on with --resume, or start anew with another --results DIR."
        )
    stamp = plan.started.replace(":", "").replace("T", "-")
    aside = folder.with_name(f"{folder.name}-{stamp}")
    while aside.exists():
        aside = aside.with_name(aside.name + "+")
    folder.rename(aside)
    return f"The earlier study was moved to {aside}."
