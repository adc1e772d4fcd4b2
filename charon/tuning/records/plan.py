"""``study.json``: what a study set out to do, so that it can be resumed and read."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from charon.errors import CheckpointError
from charon.files import write_text
from charon.tuning.session.data import StudyClips
from charon.tuning.session.options import Options
from charon.tuning.study.space import Space
from charon.tuning.study.study import Study
from charon.tuning.study.trials import PlannedTrial

VERSION = 4
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
        extensions: how often trials were added to what it set out to do.
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
    extensions: int = 0

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


def new_plan(
    study: Study,
    options: Options,
    trials: Sequence[PlannedTrial],
    clips: StudyClips,
    command: str,
    budget: int | None = None,
) -> Plan:
    """Return the plan of a study that begins now.

    Args:
        study: as it is run.
        options: complete.
        trials: all runs; of a search the first.
        clips: the data.
        command: how it was started.
        budget: most bytes of a search's memories; None for any.
    """
    about = clips.archive.description
    return Plan(
        version=VERSION,
        key=uuid.uuid4().hex[:12],
        name=study.name,
        question=study.question,
        objectives=tuple(study.objectives),
        varied=study.varied,
        space=described(study.space),
        sampler=study.sampler if study.is_search else "",
        pruner=study.pruner,
        budget=budget,
        started=datetime.now().isoformat(timespec="seconds"),
        data=clips.archive.source if about.is_standin else about.name,
        protocol=clips.protocol,
        fingerprint=clips.archive.fingerprint,
        is_standin=about.is_standin,
        scale=options.run_scale,
        num_trials=study.num_trials if study.is_search else len(trials),
        hours=options.hours,
        options=options.remembered(),
        trials=[asdict(trial) for trial in trials],
        command=command,
    )


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


def described(space: Space) -> dict[str, str]:
    """Return a space as text."""
    return {name: repr(domain) for name, domain in space.items()}
