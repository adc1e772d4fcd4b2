"""What each kind of event in a journal holds, checked as a journal is read."""

from typing import Any, Literal, NotRequired, TypedDict

from charon.plain import Misfit, conform
from charon.settings import Value

LOGGED = "logged"
"""Kind of the event that says what MLflow has."""

Fields = dict[str, Value]
"""Of a run, by their dotted names."""


class Event(TypedDict):
    """Any event: its kind, and when it was, in seconds since the epoch."""

    kind: str
    time: float


class OfTrial(Event):
    """An event of a trial, by its id."""

    trial: str


class StudyBegins(Event):
    """A sitting begins."""

    key: NotRequired[str]
    title: NotRequired[str]
    varied: NotRequired[list[str]]
    tags: NotRequired[dict[str, str]]


class TrialIsEntered(OfTrial):
    """A trial is planned, or suggested under a number when Optuna knew the ends of so many."""

    label: str
    fields: Fields
    number: NotRequired[int | None]
    role: NotRequired[str]
    tags: NotRequired[dict[str, str]]
    sampler: NotRequired[dict[str, Any]]
    told: NotRequired[int]


class SettingIsRefused(Event):
    """A search was suggested a setting that is never run."""

    number: int
    fields: Fields
    refused: str
    sampler: NotRequired[dict[str, Any]]


class EpochMeans(TypedDict):
    """The means of a task's epochs by metric, and the number of the first."""

    first: int
    means: dict[str, list[float | None]]


class TrialReports(OfTrial):
    """The metrics of a trial after a task."""

    task: int
    num_tasks: int
    metrics: dict[str, float]
    matrix: list[list[float | None]]
    seconds: float
    epochs: NotRequired[EpochMeans | None]
    tags: NotRequired[dict[str, str]]


class TrialIsTagged(OfTrial):
    """Plain facts about a trial."""

    tags: dict[str, str]


class TrialEnds(OfTrial):
    """How a trial ended."""

    outcome: Literal["interrupted", "finished", "pruned", "failed"]
    error: NotRequired[str]


class TrialHangs(OfTrial):
    """A trial was silent for so many seconds, and its process was ended."""

    seconds: float


class EventsAreLogged(Event):
    """MLflow at ``uri`` has the first ``position`` events."""

    position: int
    uri: str


KINDS: dict[str, type] = {
    "study": StudyBegins,
    "trial": TrialIsEntered,
    "refused": SettingIsRefused,
    "start": OfTrial,
    "report": TrialReports,
    "tag": TrialIsTagged,
    "hung": TrialHangs,
    "end": TrialEnds,
    LOGGED: EventsAreLogged,
}


def check_event(value: Any) -> dict[str, Any]:
    """Return a journal's event, if it holds what events of its kind hold.

    Raises:
        Misfit: it does not.
    """
    kind = conform(value, Event)["kind"]
    event: dict[str, Any] = conform(value, KINDS.get(kind, Event))
    if kind == "report" and not 1 <= event["task"] <= event["num_tasks"]:
        raise Misfit(f"has task {event['task']} of {event['num_tasks']}")
    return event
