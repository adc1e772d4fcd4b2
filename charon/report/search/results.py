"""What a search left, beside the tables of any study."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from charon.report.tables import Results, measured_on

PRUNED, FINISHED = "pruned", "finished"

ENDED = (FINISHED, PRUNED, "failed")
"""Outcomes of trials that count among those that were asked for."""

BUFFER_SIZE, INTERVAL = "learner.buffer_size", "learner.sampling_interval"

ENOUGH_FOR_IMPORTANCE = 8
"""Finished trials below which their best quarter is no group to compare."""

ENOUGH_FOR_GAP = 3
"""Finished trials below which an order says nothing."""

SYMBOLS = {
    "learner.masking_ratio": "masking ratio η",
    "learner.sampling_interval": "sampling interval s",
    "learner.buffer_size": "buffer size M",
    "learner.alpha": "α",
    "learner.beta": "β",
    "learner.gamma": "γ",
}

UNITS = {"memory/bytes": ("memory", "kB", 1e-3), "time/train_seconds": ("training time", "s", 1.0)}
"""Of metrics that are no accuracies: name, unit, and what a value is multiplied by."""


@dataclass(frozen=True)
class Found:
    """A search's results.

    Attributes:
        results: as of any study.
        selection: who has won, among whom, by which rule.
        gap: who would have won under other rules; None if the trials were not tested.
        ranks: the gap's table, one row a finished trial; empty with it.
        confirm: what the confirm stage found; None where it was off or has not ended.
        confirmed: its finished runs; empty with it.
        importance: one row an objective and field; empty where too few trials have finished.
    """

    results: Results
    selection: dict[str, Any]
    gap: dict[str, Any] | None
    ranks: pd.DataFrame
    confirm: dict[str, Any] | None
    confirmed: pd.DataFrame
    importance: pd.DataFrame

    @property
    def provenance(self) -> str:
        """What the numbers were measured on, and a warning where the winner is flattered."""
        return self.results.provenance + self._warning

    @property
    def confirmed_provenance(self) -> str:
        """The same of the confirm stage."""
        assert self.confirm is not None
        protocol = str(self.confirm["protocol"])
        return measured_on(self.results.study, len(self.confirmed), protocol) + self._warning

    @property
    def _warning(self) -> str:
        text = "; picked on the test set, which flatters the winner"
        return text if self.selection["warning"] else ""

    @property
    def unfinished(self) -> str:
        """What is missing of a search that was made longer since its winner was selected."""
        study: Any = self.results.study
        if study.get("extensions", 0) == self.selection.get("extensions", 0):
            return ""
        number = study["num_trials"]
        over = int(self.results.trials["status"].isin(ENDED).sum())
        return (
            f"This search was extended to {number} trials, with {number - over} still to come: the "
            "winner here was selected before that; go on with --resume."
        )

    @property
    def fields(self) -> list[str]:
        """The fields that were searched."""
        return [n for n in self.selection["paper"] if n in self.results.trials]

    @property
    def objectives(self) -> list[str]:
        """What was searched for, the first one first."""
        return list(self.selection["objectives"])

    @property
    def finished(self) -> pd.DataFrame:
        """The trials that learned all tasks."""
        return self.results.finished

    @property
    def winner(self) -> str:
        """The id of the trial that has won."""
        return str(self.selection["winner"]["trial_id"])

    @property
    def winning_trial(self) -> pd.Series:
        """The row of the trial that has won."""
        return self._row(self.winner)

    @property
    def paper_trial(self) -> pd.Series:
        """The row of the trial at the paper's setting."""
        return self._row(self.selection["paper_id"])

    def _row(self, trial_id: str) -> pd.Series:
        trials = self.results.trials
        return trials[trials["trial_id"] == trial_id].iloc[0]

    @property
    def refused(self) -> list[int]:
        """The numbers of the settings that were refused and never run."""
        return list(self.selection["refused"])

    @property
    def can_compare(self) -> bool:
        """Whether enough trials have finished and were tested to compare rules of selection."""
        return self.gap is not None and len(self.ranks) >= ENOUGH_FOR_GAP

    @property
    def has_other_test(self) -> bool:
        """Whether the confirm stage was tested under another protocol than the search's."""
        protocol = self.results.study["protocol"]
        return self.confirm is not None and self.confirm["protocol"] != protocol


def read_found(results: Results) -> Found | None:
    """Read what follows a search; None where it is not over."""
    folder = results.folder
    selection = _read(folder / "selection.json")
    if selection is None:
        return None
    gap, confirm = _read(folder / "gap.json"), _read(folder / "confirm.json")
    confirmed = _table(folder / "confirm" / "trials.csv") if confirm else pd.DataFrame()
    if len(confirmed):
        confirmed = confirmed[confirmed["status"] == FINISHED]
    return Found(
        results,
        selection,
        gap,
        _table(folder / "gap.csv") if gap else pd.DataFrame(),
        confirm,
        confirmed,
        _table(folder / "importance.csv"),
    )


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _table(path: Path) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame()
    return pd.read_csv(path, dtype={"trial_id": str})


def title(field: str) -> str:
    """Return what a reader calls a field."""
    return SYMBOLS.get(field, field.rpartition(".")[2].replace("_", " "))


def metric_title(metric: str) -> str:
    """Return what an axis calls a metric, with its unit."""
    unit = UNITS[metric][1] if metric in UNITS else "percent"
    return f"{metric_name(metric)}, {unit}"


def metric_name(metric: str) -> str:
    """Return what a reader calls a metric."""
    if metric in UNITS:
        return UNITS[metric][0]
    part, _, name = metric.partition("/")
    where = {"val": "validation ", "test": "test "}.get(part, "")
    text = {"faa": "FAA", "bwt": "BWT"}.get(name, name.replace("_", " "))
    return f"{where}{text}"


def in_units(metric: str, values: Any) -> Any:
    """Return a metric's values in the unit that its axis names."""
    return values * UNITS[metric][2] if metric in UNITS else values


def value_text(value: object) -> str:
    """Return a field's value as a reader writes it."""
    if value is None or value != value:  # a table of pandas has NaN for what is not given
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
