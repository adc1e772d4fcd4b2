"""``study.json``: what a study set out to do, so that it can be resumed and read."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from charon.errors import CheckpointError, ConfigError
from charon.files import STUDY_VERSION, read_json, write_json
from charon.tuning.study.space import Domain, from_plain, to_plain


@dataclass(frozen=True)
class Plan:
    """What stands in ``study.json``.

    Attributes:
        version: :data:`STUDY_VERSION` of the code that made it.
        key: unique to this study; its runs in MLflow are found by it.
        name, question, varied: the declaration.
        objectives: what "best" is about.
        space: what a search varies, bound to its clips; empty for a grid.
        sampler, pruner: how a search chooses and stops trials.
        budget: most bytes of a memory; None for any.
        started: date and time.
        data, protocol, fingerprint, is_standin: what the numbers are measured on.
        scale: size of the runs.
        num_trials: trials in all.
        hours: after which no new trial starts; None for any time.
        options: the command line's part that a resumed study takes over.
        trials: label, fields and role of every planned run.
        command: how it was started.
        extensions: how often trials were added to what it set out to do.
    """

    version: int
    key: str
    name: str
    question: str
    objectives: tuple[str, ...]
    varied: tuple[str, ...]
    space: dict[str, Domain]
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
        write_json(folder / "study.json", {**asdict(self), "space": to_plain(self.space)})


def read_plan(folder: Path) -> Plan | None:
    """Read ``study.json``; None where there is none.

    Raises:
        CheckpointError: the file was left by another version, or is damaged.
    """
    path = folder / "study.json"
    if not path.exists():
        return None
    try:
        content = read_json(path)
        if content["version"] != STUDY_VERSION:
            raise CheckpointError(
                f"{path} was left by version {content['version']} of this code, and this is "
                f"{STUDY_VERSION}: finish the study with that version, or start it anew in another "
                "folder with --results DIR."
            )
        tuples = {name: tuple(content[name]) for name in ("varied", "objectives")}
        return Plan(**{**content, **tuples, "space": from_plain(content["space"])})
    except (ValueError, KeyError, TypeError, ConfigError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); move the folder away.") from error
