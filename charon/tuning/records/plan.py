"""The plan of a study, ``study.json``, by which it is resumed and reported."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict

from charon.errors import CheckpointError
from charon.files import STUDY_VERSION, read_json, reading_from, write_json
from charon.plain import conform
from charon.settings import Value
from charon.text import shown
from charon.tuning.study.space import Domain, from_plain, to_plain


class PlannedRun(TypedDict):
    """A planned run, as ``study.json`` has it."""

    label: str
    fields: dict[str, Value]
    role: str


@dataclass(frozen=True)
class Plan:
    """The content of ``study.json``.

    Attributes:
        version: :data:`STUDY_VERSION` of the code that wrote it.
        key: unique; the study's runs in MLflow are tagged with it.
        space: of a search, bound to its clips; empty for a grid.
        budget: most bytes of a memory; None for any.
        started: date and time, ISO 8601.
        data, protocol, fingerprint, is_standin: what accuracy is measured on.
        num_trials: trials in all.
        hours: after which no new trial starts; None without a limit.
        options: those of the command line that a resumed study takes over.
        trials: label, fields and role of every planned run.
        extensions: how often trials were added.
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
    trials: list[PlannedRun]
    command: str
    extensions: int = 0

    def __post_init__(self) -> None:
        datetime.fromisoformat(self.started)  # a folder is named after it

    @property
    def title(self) -> str:
        """Name, data, scale and start in a line."""
        return f"{self.name} on {self.data}, {self.scale}, {self.started[:16].replace('T', ' ')}"

    def write(self, folder: Path) -> None:
        """Write ``study.json``.

        Raises:
            OSError: the folder cannot be written.
        """
        write_json(folder / "study.json", {**vars(self), "space": to_plain(self.space)})


def read_plan(folder: Path) -> Plan | None:
    """Read ``study.json``; None if it does not exist.

    Raises:
        CheckpointError: the file is damaged or of another version.
    """
    path = folder / "study.json"
    if not path.exists():
        return None
    with reading_from(path, "move the folder away", CheckpointError):
        content: dict[str, Any] = conform(read_json(path), dict[str, Any])
        if content.get("version") != STUDY_VERSION:
            raise CheckpointError(
                f"{path} was left by version {shown(content.get('version'))} of this code, and "
                f"this is {STUDY_VERSION}: finish the study with that version, or start it anew in "
                "another folder with --results DIR."
            )
        space = from_plain(conform(content.get("space"), dict[str, dict[str, Any]]))
        plan: Plan = conform({**content, "space": {}}, Plan)
        return replace(plan, space=space)
