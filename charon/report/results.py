"""A study's results, as it left them in its folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pandas as pd

from charon.errors import CheckpointError
from charon.files import STUDY_VERSION, parse_json, read_json, reading_from
from charon.plain import conform
from charon.text import counted, shown

COLUMNS = {
    "trials": ("trial_id", "name", "learner", "seed", "status"),
    "curves": ("trial_id", "name", "learner", "seed", "status", "task"),
}
"""What every study's tables have."""


class _Event(TypedDict):
    """What is read of an event of the journal."""

    kind: str
    trial: NotRequired[str]
    tags: NotRequired[dict[str, str]]


@dataclass(frozen=True)
class StudySummary:
    """What a report says of a study: the fields of its plan that it needs.

    Attributes:
        name: of the study.
        question: in one sentence.
        data, protocol, is_standin, scale: what the numbers were measured on.
        objectives: metrics, the first one first.
        varied: fields in which the trials differ by design.
        num_trials: asked for.
        extensions: how often that number was changed.
        budget: most bytes of a memory; None for any.
        settings: fields that the command line set for all runs.
    """

    name: str
    question: str
    data: str
    protocol: str
    is_standin: bool
    scale: str
    objectives: tuple[str, ...]
    varied: tuple[str, ...]
    num_trials: int
    extensions: int
    budget: int | None
    settings: dict[str, Any]

    @classmethod
    def of(cls, plan: Mapping[str, Any]) -> "StudySummary":
        """Return the summary of a plan, the content of ``study.json``.

        Raises:
            Misfit: it is no plan.
        """
        options = conform(plan.get("options"), dict[str, Any])
        settings = conform(options.get("settings"), dict[str, Any])
        orders = conform(options.get("class_order"), list[str] | None) or []
        if len(orders) == 1 and orders != ["auto"]:  # of several, each run has its own
            settings = {"data.class_order": orders[0], **settings}
        content = {**plan, "settings": settings}
        known = {f.name: content[f.name] for f in fields(cls) if f.name in content}
        summary: StudySummary = conform(known, cls)
        return summary

    @property
    def overridden(self) -> list[str]:
        """The fields that the command line set for all runs, as ``name=value``."""
        return [f"{name}={shown(value, quoted=False)}" for name, value in self.settings.items()]

    def measured_on(self, num_runs: int, preset: str, protocol: str = "") -> str:
        """Return one line that says what the numbers of finished runs were measured on.

        Args:
            num_runs: number of finished runs.
            preset: of the runs, which is said unless it is the paper's.
            protocol: where it is not the study's.
        """
        kind = "synthetic stand-in, not NTU RGB+D" if self.is_standin else "recorded data"
        parts = [
            f"{self.data} ({kind})",
            protocol or self.protocol,
            f"scale {self.scale}",
            *self.overridden,
            counted(num_runs, "finished run"),
            *([f"preset {preset}"] if preset != "paper" else []),
        ]
        return " · ".join(parts)


@dataclass(frozen=True)
class Results:
    """What a study left.

    Attributes:
        folder: where it was read.
        study: what it set out to do.
        trials: one row a trial.
        curves: one row a trial and task; empty where only the final metrics are known.
        tags: provenance of the runs: fingerprint, protocol, versions, git commit.
    """

    folder: Path
    study: StudySummary
    trials: pd.DataFrame
    curves: pd.DataFrame
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> pd.DataFrame:
        """The trials that learned all tasks."""
        return self.trials[self.trials["status"] == "finished"]

    @property
    def provenance(self) -> str:
        """One line that says what the numbers were measured on."""
        return self.measured_on(len(self.finished))

    def measured_on(self, num_runs: int, protocol: str = "") -> str:
        """Return the same line of so many finished runs, under another protocol if one is given."""
        return self.study.measured_on(num_runs, self.tags.get("preset", "paper"), protocol)


def read_results(folder: Path) -> Results:
    """Read a study's folder.

    Raises:
        CheckpointError: the folder holds no study, or one of another version.
    """
    for name in ("study.json", "trials.csv", "curves.csv"):
        if not (folder / name).exists():
            raise CheckpointError(
                f"{folder / name} does not exist; run the study first, or give the folder that "
                "holds it."
            )
    path = folder / "study.json"
    with reading_from(path, "run the study anew", CheckpointError):
        plan = conform(read_json(path), dict[str, Any])
        if plan.get("version") != STUDY_VERSION:
            raise CheckpointError(
                f"{folder} was left by version {shown(plan.get('version'))} of this code, and "
                f"this is {STUDY_VERSION}; report it with that version, or run the study anew."
            )
        study = StudySummary.of(plan)
    trials, curves = read_table(folder, "trials"), read_table(folder, "curves")
    return Results(folder, study, trials, curves, _tags(folder))


def _tags(folder: Path) -> dict[str, str]:
    """Return the provenance tags with which the journal begins."""
    first = next(read_events(folder), {})
    tags: dict[str, str] = first.get("tags", {})
    return tags


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a study's journal, up to a line that was cut off."""
    path = folder / "journal.jsonl"
    if not path.exists():
        return
    with (
        reading_from(path, "move the file away", CheckpointError),
        path.open(encoding="utf-8") as journal,
    ):
        for line in journal:
            if not line.endswith("\n"):
                return
            yield conform(parse_json(line), _Event)


def read_table(folder: Path, name: str) -> pd.DataFrame:
    """Read ``NAME.csv``, with Ray's names of trials as text.

    Raises:
        CheckpointError: it is damaged.
    """
    path = folder / f"{name}.csv"
    with reading_from(path, "go on with the study, which writes it anew", CheckpointError):
        table = pd.read_csv(path, dtype={"trial_id": str})
        missing = [column for column in COLUMNS.get(name, ()) if column not in table]
        if missing:
            raise ValueError(f"it has no column {missing[0]}")
        return table
