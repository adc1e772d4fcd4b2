"""Typed records of what a search left, read from its JSON and CSV files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd

from charon.errors import CheckpointError
from charon.files import read_json, reading_from
from charon.plain import conform
from charon.report.results import Results, read_table
from charon.report.significance import Difference, difference_of
from charon.report.statistics import Mean, mean_of
from charon.text import shown

FINISHED, PRUNED = "finished", "pruned"
OVER = (FINISHED, PRUNED, "failed")
"""Outcomes of the trials that are over, the best first."""

WINNER, PAPER = "the winner", "the paper's setting"
"""What a reader calls the two settings that are compared."""

BUFFER_SIZE, BUFFER_BYTES = "learner.buffer_size", "learner.buffer_bytes"
INTERVAL = "learner.sampling_interval"

ENOUGH_FOR_IMPORTANCE = 8
"""Finished trials below which their best quarter is no group to compare."""

ENOUGH_FOR_GAP = 3
"""Finished trials below which an order says nothing."""


@dataclass(frozen=True)
class Candidate:
    """A finished trial with its objectives and searched fields; only the winner has the rest.

    ``command`` repeats its trial, ``confirm_command`` learns its setting as it is confirmed.
    """

    trial_id: str
    name: str
    values: list[float]
    fields: dict[str, Any]
    is_paper: bool = False
    command: str = ""
    confirm_command: str = ""


@dataclass(frozen=True)
class Selection:
    """``selection.json``: the winner, the rule, and among which trials.

    Attributes:
        meaning: what the rule judges trials by.
        warning: where the rule flatters the winner.
        trials: number of trials by outcome.
        paper, paper_id: searched fields and id of the trial at the paper's setting.
        directions: ``maximize`` or ``minimize`` for each objective.
        scored: whether Optuna was told scores that rank stopped trials too.
        extensions: how often the search had been made longer when the winner was selected.
        seed: of all trials.
        validation: how the validation clips were cut.
        refused: numbers of the settings that were never run.
    """

    rule: str
    meaning: str
    warning: str
    trials: dict[str, int]
    winner: Candidate
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
    """The trial that a rule selects by its score, percent, after some tasks.

    ``meaning`` is what the rule judges trials by, ``trial`` a label; val and test are the FAA on
    validation clips and on the test set, percent.
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
        first = "first task" if self.after == 1 else f"first {self.after} tasks"
        return {"validation": "validation", "test": "test set"}.get(self.rule, first)


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

    ``flattery`` is the points by which picking on the test set beats picking on validation;
    ``ranks`` has a row for each finished trial.
    """

    flattery: float
    picks: list[Pick]
    foresight: list[Foresight]
    ranks: pd.DataFrame

    @property
    def too_few(self) -> str:
        """Why rules cannot be compared; empty where they can."""
        if len(self.ranks) >= ENOUGH_FOR_GAP:
            return ""
        return (
            f"Rules of selection are compared among {ENOUGH_FOR_GAP} finished trials or more; here "
            f"{len(self.ranks)} can be, whose accuracies are in gap.csv."
        )


@dataclass(frozen=True)
class Confirmation:
    """The confirm stage: test FAA of its finished runs, percent, and their mean, by setting.

    ``apart`` is the winner's minus the paper's, seed by seed; None where one of them has no run.
    """

    faas: dict[str, list[float]]
    means: dict[str, Mean]
    apart: Difference | None
    seeds: list[int]
    protocol: str
    is_other_test: bool


@dataclass(frozen=True)
class Search:
    """A search's results.

    Attributes:
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
    def flattered(self) -> str:
        """A warning where the winner is flattered; else empty."""
        text = "; picked on the test set, which flatters the winner"
        return text if self.selection.warning else ""

    @property
    def provenance(self) -> str:
        """What the numbers were measured on, and a warning where the winner is flattered."""
        return self.results.provenance + self.flattered

    @property
    def compared(self) -> dict[str, pd.Series]:
        """The rows of the trials at the two settings that are compared."""
        trials = self.results.trials
        ids = {WINNER: self.selection.winner.trial_id, PAPER: self.selection.paper_id}
        return {name: trials[trials["trial_id"] == ids[name]].iloc[0] for name in ids}

    @property
    def unfinished(self) -> str:
        """What is missing of a search that was made longer since its winner was selected."""
        study = self.results.study
        if study.extensions == self.selection.extensions:
            return ""
        over = int(self.results.trials["status"].isin(OVER).sum())
        return (
            f"This search was extended to {study.num_trials} trials, with "
            f"{study.num_trials - over} still to come: the winner here was selected before that; "
            "go on with --resume."
        )


class _Gap(TypedDict):
    """What is read of ``gap.json``."""

    flattery: float
    picks: list[Pick]
    foresight: list[Foresight]


class _Confirmation(TypedDict):
    """What is read of ``confirm.json``."""

    seeds: list[int]
    protocol: str


def read_search(results: Results) -> Search | None:
    """Read what a search left; None where it is not over.

    Raises:
        CheckpointError: a file of it is damaged.
    """
    folder = results.folder
    if not (folder / "selection.json").exists():
        return None
    with reading_from(folder, "go on with the search, which writes it anew", CheckpointError):
        return _read(results, folder)


def _read(results: Results, folder: Path) -> Search:
    selection: Selection = conform(read_json(folder / "selection.json"), Selection)
    for trial in (selection.winner.trial_id, selection.paper_id):
        if trial not in set(results.trials["trial_id"]):
            raise ValueError(f"trials.csv has no trial {shown(trial)}")
    gap, confirmation, importance = None, None, pd.DataFrame()
    if (folder / "gap.json").exists():
        of_gap = conform(read_json(folder / "gap.json"), _Gap)
        ranks = read_table(folder, "gap")
        gap = Gap(of_gap["flattery"], of_gap["picks"], of_gap["foresight"], ranks)
    if (folder / "confirm.json").exists():
        plain = conform(read_json(folder / "confirm.json"), _Confirmation)
        runs = read_table(folder / "confirm", "trials")
        by_role = runs[runs["status"] == FINISHED].groupby("role")
        names = {"winner": WINNER, "paper": PAPER}
        by_seed = {
            name: by_role.get_group(role).set_index("seed")["test/faa"]
            for role, name in names.items()
            if role in by_role.groups
        }
        faas = {name: of_setting.tolist() for name, of_setting in by_seed.items()}
        means = {name: mean_of(of_setting) for name, of_setting in faas.items()}
        apart = difference_of(by_seed[WINNER], by_seed[PAPER]) if len(by_seed) == 2 else None
        is_other_test = plain["protocol"] != results.study.protocol
        confirmation = Confirmation(
            faas, means, apart, plain["seeds"], plain["protocol"], is_other_test
        )
    if (folder / "importance.csv").exists():
        importance = read_table(folder, "importance")
    return Search(results, selection, gap, confirmation, importance)
