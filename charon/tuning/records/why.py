"""Why a trial ended as it did, from its study's journal."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from charon.errors import CheckpointError
from charon.text import counted, folder_name
from charon.tuning.records.halving import Halving
from charon.tuning.records.journal import FINISHED, PRUNED, TrialRecord
from charon.tuning.records.status import Status, read_status


@dataclass(frozen=True)
class Reason:
    """Why a trial stands where it stands.

    Attributes:
        record: the trial.
        sentence: the reason.
        objective: the first objective of its study.
        others: labels and accuracies, percent, of those that a trial stopped early was judged
            against, best first; or of the finished trials of a search, for one that finished.
        starts: how often it was started.
    """

    record: TrialRecord
    sentence: str
    objective: str
    others: dict[str, float]
    starts: int

    @property
    def command(self) -> str:
        """The command that repeats the trial; empty in studies of older versions."""
        return self.record.tags.get("command", "")

    def as_json(self) -> dict[str, Any]:
        """Return the reason for scripts."""
        record = self.record
        return {
            "id": record.trial_id,
            "label": record.label,
            "status": record.status,
            "why": self.sentence,
            "tasks_seen": record.tasks_seen,
            "num_tasks": record.num_tasks or None,
            "starts": self.starts,
            "error": record.error,
            "metrics": record.latest,
            "objective": self.objective,
            "others": self.others,
            "command": self.command,
        }


def why(folder: Path, name: str) -> Reason:
    """Say why the trial of that id, name or number stands where it stands.

    Raises:
        CheckpointError: the folder holds no study, or none of its trials is called so.
    """
    status = read_status(folder)
    record = _find(status, name, folder)
    others, sentence = _reason(status, record)
    starts = sum(event["trial"] == record.trial_id for event in status.journal.of_kind("start"))
    return Reason(record, sentence, status.plan.objectives[0], others, starts)


def _find(status: Status, name: str, folder: Path) -> TrialRecord:
    for record in status.trials:
        number = "" if record.number is None else str(record.number)
        if name in (record.trial_id, record.label, number, folder_name(record.label)):
            return record
    example = f", such as {status.trials[0].label!r}" if status.trials else ""
    raise CheckpointError(
        f"{folder} has no trial {name!r}; give its name{example}, its id, or a search's number "
        "(`charon status --json` lists them)."
    )


def _reason(status: Status, record: TrialRecord) -> tuple[dict[str, float], str]:
    """Return the trials that it is compared with, best first, and the sentence."""
    plan, seen = status.plan, counted(record.tasks_seen, "task")
    of_all = f"{record.tasks_seen} of {counted(record.num_tasks, 'task')}"
    objective = plan.objectives[0]
    value = record.latest.get(objective)
    if record.status == FINISHED and value is not None:
        finished = {r.label: r.final[objective] for r in status.trials if objective in r.final}
        if not plan.space:
            return {}, f"it finished, with {objective} {value:.1f}; a grid ranks nothing."
        worse = objective in ("memory/bytes", "time/train_seconds") or "forgetting" in objective
        rank = 1 + sum(v < value if worse else v > value for v in finished.values())
        ranked = _best_first(finished, reverse=not worse)
        number = counted(len(finished), "finished trial")
        return ranked, f"it finished, with {objective} {value:.1f}: number {rank} of {number}."
    if record.status == PRUNED and value is not None:
        halving = Halving(objective, record.num_tasks, plan.pruner == "hyperband")
        earlier = halving.earlier(status.journal, record.trial_id, record.tasks_seen)
        labels = {r.trial_id: r.label for r in status.trials}
        others = _best_first({labels[trial]: percent for trial, percent in earlier.items()})
        middle = f"{median(earlier.values()):.1f}, the median of " if earlier else ""
        return others, (
            f"it was stopped after {of_all}: its {objective} of {value:.1f} was below {middle}"
            f"{counted(len(earlier), 'trial')} that had learned {seen} before it."
        )
    after = f" after {of_all}" if record.num_tasks else ""
    if record.error:
        return {}, f"it failed{after}: {record.error}"
    return {}, f"it is {record.status}{after}; the study is {status.state}."


def _best_first(values: dict[str, float], *, reverse: bool = True) -> dict[str, float]:
    return dict(sorted(values.items(), key=lambda item: item[1], reverse=reverse))
