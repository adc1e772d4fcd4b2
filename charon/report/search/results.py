"""Typed records of what a search left, read from its JSON and CSV files."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from charon.files import read_json
from charon.report.results import Results, read_table
from charon.report.statistics import Mean

PRUNED, FINISHED, FAILED = "pruned", "finished", "failed"

BUFFER_SIZE, INTERVAL = "learner.buffer_size", "learner.sampling_interval"

ENOUGH_FOR_IMPORTANCE = 8
"""Finished trials below which their best quarter is no group to compare."""

ENOUGH_FOR_GAP = 3
"""Finished trials below which an order says nothing."""


@dataclass(frozen=True)
class Candidate:
    """A finished trial: its id, name, objectives and searched fields."""

    trial_id: str
    name: str
    values: list[float]
    fields: dict[str, Any]


@dataclass(frozen=True)
class Winner(Candidate):
    """The trial that was selected.

    Attributes:
        is_paper: whether its setting is the paper's.
        command: repeats the trial.
        confirm_command: learns its setting as it is confirmed.
    """

    is_paper: bool
    command: str
    confirm_command: str


@dataclass(frozen=True)
class Selection:
    """``selection.json``: the winner, the rule, and among which trials.

    Attributes:
        rule, meaning: name of the rule, and what it judges trials by.
        warning: where the rule flatters the winner.
        trials: number of trials by outcome.
        winner: the trial selected.
        paper, paper_id: searched fields and id of the trial at the paper's setting.
        front: the Pareto front.
        objectives, directions: metrics, and ``maximize`` or ``minimize`` for each.
        scored: whether Optuna was told scores that rank stopped trials too.
        sampler, pruner: how the search chose and stopped trials.
        extensions: how often the search had been made longer when the winner was selected.
        seed: of all trials.
        validation: how the validation clips were cut.
        confirm_seeds: seeds of the confirm stage.
        refused: numbers of the settings that were never run.
    """

    rule: str
    meaning: str
    warning: str
    trials: dict[str, int]
    winner: Winner
    paper: dict[str, Any]
    paper_id: str
    front: list[Candidate]
    objectives: list[str]
    directions: list[str]
    scored: bool
    sampler: str
    pruner: str
    extensions: int
    seed: int
    validation: str
    confirm_seeds: list[int]
    refused: list[int]


@dataclass(frozen=True)
class Pick:
    """The trial that a rule selects.

    Attributes:
        rule, meaning: name of the rule, and what it judges trials by.
        after: tasks after which it judges.
        trial_id, trial: id and label of the trial.
        score: by which it was selected, percent.
        val, test: its FAA on validation clips and on the test set, percent.
    """

    rule: str
    after: int
    meaning: str
    trial_id: str
    trial: str
    score: float
    val: float
    test: float

    @property
    def rule_name(self) -> str:
        """What a reader calls the rule."""
        if self.rule == "first-tasks":
            return "first task" if self.after == 1 else f"first {self.after} tasks"
        return {"validation": "validation", "test": "test set"}[self.rule]


@dataclass(frozen=True)
class Foresight:
    """Spearman's rho of the validation accuracy after a task and the final accuracies.

    None for fewer than three finished trials, whose number is n, or equal accuracies.
    """

    task: int
    rho_val: float | None
    rho_test: float | None
    n: int


@dataclass(frozen=True)
class Gap:
    """``gap.json`` and ``gap.csv``: the trials that other rules would have picked.

    Attributes:
        flattery: points by which picking on the test set beats picking on validation.
        picks: a choice for each rule.
        foresight: for every number of tasks.
        ranks: one row a finished trial.
    """

    flattery: float
    picks: list[Pick]
    foresight: list[Foresight]
    ranks: pd.DataFrame

    @property
    def is_comparable(self) -> bool:
        """Whether there are enough trials to compare rules."""
        return len(self.ranks) >= ENOUGH_FOR_GAP


@dataclass(frozen=True)
class Confirmation:
    """``confirm.json`` and the runs of the confirm stage.

    Attributes:
        means: test FAA, percent, by what a reader calls the setting.
        seeds: of the runs.
        protocol: that they were tested under.
        runs: the finished ones, with the ``role`` of each.
    """

    means: dict[str, Mean]
    seeds: list[int]
    protocol: str
    runs: pd.DataFrame


@dataclass(frozen=True)
class Search:
    """A search's results.

    Attributes:
        results: as of any study.
        selection: the winner and how it was selected.
        gap: None if the trials were not tested.
        confirmation: None where the confirm stage was off or has not ended.
        importance: one row an objective and field; empty where too few trials have finished.
    """

    results: Results
    selection: Selection
    gap: Gap | None
    confirmation: Confirmation | None
    importance: pd.DataFrame

    @property
    def provenance(self) -> str:
        """What the numbers were measured on, and a warning where the winner is flattered."""
        return self.results.provenance + self.flattered

    @property
    def flattered(self) -> str:
        """A warning where the winner is flattered; else empty."""
        text = "; picked on the test set, which flatters the winner"
        return text if self.selection.warning else ""

    @property
    def unfinished(self) -> str:
        """What is missing of a search that was made longer since its winner was selected."""
        study = self.results.study
        if study.extensions == self.selection.extensions:
            return ""
        over = int(self.results.trials["status"].isin([FINISHED, PRUNED, FAILED]).sum())
        return (
            f"This search was extended to {study.num_trials} trials, with "
            f"{study.num_trials - over} still to come: the winner here was selected before that; "
            "go on with --resume."
        )

    @property
    def fields(self) -> list[str]:
        """The fields that were searched."""
        return list(self.selection.paper)

    @property
    def winning_trial(self) -> pd.Series:
        """The row of the trial that has won."""
        return self._row(self.selection.winner.trial_id)

    @property
    def paper_trial(self) -> pd.Series:
        """The row of the trial at the paper's setting."""
        return self._row(self.selection.paper_id)

    def _row(self, trial_id: str) -> pd.Series:
        trials = self.results.trials
        return trials[trials["trial_id"] == trial_id].iloc[0]

    @property
    def other_test(self) -> str:
        """The protocol of the confirm stage where it is not the search's; else empty."""
        confirmation = self.confirmation
        if confirmation is None or confirmation.protocol == self.results.study.protocol:
            return ""
        return confirmation.protocol


def read_search(results: Results) -> Search | None:
    """Read what a search left; None where it is not over."""
    folder = results.folder
    if not (folder / "selection.json").exists():
        return None
    content = read_json(folder / "selection.json")
    content["winner"] = Winner(**content["winner"])
    content["front"] = [Candidate(**trial) for trial in content["front"]]
    has_importance = (folder / "importance.csv").exists()
    return Search(
        results,
        Selection(**content),
        _read_gap(folder) if (folder / "gap.json").exists() else None,
        _read_confirmation(folder) if (folder / "confirm.json").exists() else None,
        read_table(folder, "importance") if has_importance else pd.DataFrame(),
    )


def _read_gap(folder: Path) -> Gap:
    content = read_json(folder / "gap.json")
    return Gap(
        content["flattery"],
        [Pick(**pick) for pick in content["picks"]],
        [Foresight(**after) for after in content["foresight"]],
        read_table(folder, "gap"),
    )


def _read_confirmation(folder: Path) -> Confirmation:
    content = read_json(folder / "confirm.json")
    runs = read_table(folder / "confirm", "trials")
    settings = {"the winner": content["winner"], "the paper's setting": content["paper"]}
    means = {name: _read_mean(plain) for name, plain in settings.items() if plain}
    finished = runs[runs["status"] == FINISHED]
    return Confirmation(means, content["seeds"], content["protocol"], finished)


def _read_mean(plain: dict[str, Any]) -> Mean:
    std, half = (math.nan if plain[name] is None else plain[name] for name in ("std", "half"))
    return Mean(plain["mean"], std, half, plain["n"])
