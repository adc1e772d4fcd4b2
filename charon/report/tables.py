"""A study's results as tidy frames and as text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Results:
    """What a study left.

    Attributes:
        folder: where it was read.
        study: the study's own facts (name, question, data, objectives, varied fields, options).
        trials: one row a trial.
        curves: one row a trial and task.
    """

    folder: Path
    study: dict[str, object]
    trials: pd.DataFrame
    curves: pd.DataFrame

    @property
    def finished(self) -> pd.DataFrame:
        """The trials that learned all tasks."""
        return self.trials[self.trials["status"] == "finished"]

    @property
    def provenance(self) -> str:
        """One line that says what the numbers were measured on."""
        return measured_on(self.study, len(self.finished))


def measured_on(study: Mapping[str, Any], num_runs: int, protocol: str = "") -> str:
    """Return one line that says what the numbers of finished runs were measured on.

    Args:
        study: its own facts.
        num_runs: that have finished.
        protocol: where that is not the study's.
    """
    kind = "synthetic stand-in, not NTU RGB+D" if study["is_standin"] else "recorded data"
    facts = [
        f"{study['data']} ({kind})",
        protocol or study["protocol"],
        f"scale {study['scale']}",
        *overridden(study),
        f"{num_runs} finished run{'' if num_runs == 1 else 's'}",
    ]
    return " · ".join(facts)


def overridden(study: Mapping[str, Any]) -> list[str]:
    """Return the fields that the command line set for all runs, as ``name=value``."""
    return [f"{name}={value}" for name, value in study["options"]["settings"].items()]


def read_results(folder: Path) -> Results:
    """Read a study's folder.

    Raises:
        FileNotFoundError: there is no study in it.
    """
    for name in ("study.json", "trials.csv", "curves.csv"):
        if not (folder / name).exists():
            raise FileNotFoundError(
                f"{folder / name} does not exist; run the study first, or name its folder "
                "with --results DIR."
            )
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    trials = pd.read_csv(folder / "trials.csv", dtype={"trial_id": str})
    curves = pd.read_csv(folder / "curves.csv", dtype={"trial_id": str})
    return Results(folder, study, trials, curves)


def mean_and_spread(
    frame: pd.DataFrame, by: list[str], metrics: list[str], *, observed: bool = False
) -> pd.DataFrame:
    """Return mean, sample standard deviation and number of runs of each metric, per group.

    The columns are ``(metric, "mean" | "std" | "count")``; std is empty for a single run.
    ``observed`` leaves out the categories that no run has.
    """
    return frame.groupby(by, dropna=False, observed=observed)[metrics].agg(["mean", "std", "count"])


def plus_minus(mean: float, std: float, digits: int = 1) -> str:
    """Return ``mean ± std``, or the mean alone where there is one run."""
    if pd.isna(mean):
        return "–"
    return f"{mean:.{digits}f}" + ("" if pd.isna(std) else f" ± {std:.{digits}f}")


def text_table(header: list[str], rows: list[list[str]]) -> str:
    """Return a plain table: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, ["─" * width for width in widths], *rows]:
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)


def markdown_table(header: list[str], rows: list[list[str]]) -> str:
    """Return the table as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
