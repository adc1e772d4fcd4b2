"""The picture of when each trial of a search ran, without the time in which it stood still."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from charon.report.search.results import Found
from charon.report.search.trials import COLOUR_OF, outcome_name
from charon.report.style import INK, RED, new_figure, note

MOST_ROWS = 60
"""That are named each and have a height of their own."""


@dataclass(frozen=True)
class Stretch:
    """A time in which a trial ran without a break.

    Attributes:
        trial_id: Ray's name of the trial.
        sitting: of the study, from 0; a study that goes on begins another.
        started, ended: seconds, of one clock for all.
    """

    trial_id: str
    sitting: int
    started: float
    ended: float


def stretches(found: Found) -> list[Stretch]:
    """Return when each trial ran, in the order of the sittings.

    Where the journal is missing, as in a folder of tables alone, this is once for each trial.
    """
    journal = found.results.folder / "journal.jsonl"
    if journal.exists():
        return list(_in_journal(journal))
    trials = found.results.trials.dropna(subset=["started", "ended"])
    columns = (trials[name] for name in ("trial_id", "started", "ended"))
    return [Stretch(name, 0, begun, ended) for name, begun, ended in zip(*columns, strict=True)]


def _in_journal(path: Path) -> Iterator[Stretch]:
    """Yield what starts and ends add up to.

    A process that was killed wrote no end; its trials ran until the last event before the
    study went on. One that Ray started again within a sitting never stopped for long.
    """
    running: dict[str, float] = {}
    sitting, last = -1, 0.0
    text = path.read_text(encoding="utf-8")
    complete = text[: text.rfind("\n") + 1]  # a last line may be cut off
    for line in complete.splitlines():
        event = json.loads(line)
        if event["kind"] == "study":
            yield from (Stretch(name, sitting, start, last) for name, start in running.items())
            running.clear()
            sitting += 1
        elif event["kind"] == "start":
            running.setdefault(event["trial"], event["time"])
        elif event["kind"] == "end" and event["trial"] in running:
            name = event["trial"]
            yield Stretch(name, sitting, running.pop(name), event["time"])
        last = event["time"]
    yield from (Stretch(name, sitting, start, last) for name, start in running.items())


def without_breaks(found: list[Stretch]) -> tuple[list[Stretch], list[tuple[float, float]]]:
    """Return the stretches on a clock that stands between sittings, and begins at 0.

    Beside them stands for each break when it was, by this clock, and how many seconds it had.
    """
    sittings = [list(some) for _, some in groupby(found, lambda one: one.sitting)]
    spans = [(min(s.started for s in one), max(s.ended for s in one)) for one in sittings]
    shown, shifts, breaks = [], [spans[0][0]] if spans else [], []
    for (_, ended), (begun, _) in pairwise(spans):
        breaks.append((ended - shifts[-1], begun - ended))
        shifts.append(shifts[-1] + begun - ended)
    for some, shift in zip(sittings, shifts, strict=True):
        shown += [replace(s, started=s.started - shift, ended=s.ended - shift) for s in some]
    return shown, breaks


def went_on(found: Found) -> bool:
    """Whether a trial was interrupted and ran again later."""
    ran = stretches(found)
    return len({(one.trial_id, one.sitting) for one in ran}) > len({one.trial_id for one in ran})


def draw_timeline(found: Found) -> Figure:
    """Draw when each trial ran and how it ended."""
    ran, breaks = without_breaks(stretches(found))
    trials = found.results.trials
    trials = trials[trials["trial_id"].isin([one.trial_id for one in ran])].sort_values("number")
    status = dict(zip(trials["trial_id"], trials["status"], strict=True))
    row = {name: place for place, name in enumerate(status)}
    end = max((one.ended for one in ran), default=0.0)
    unit, seconds = ("minutes", 60.0) if end > 300 else ("seconds", 1.0)
    figure, (axes,) = new_figure(7.2, 1.3 + 0.16 * min(max(6, len(trials)), MOST_ROWS))
    axes.barh(
        [row[one.trial_id] for one in ran],
        [(one.ended - one.started) / seconds for one in ran],
        left=[one.started / seconds for one in ran],
        height=0.72,
        color=[COLOUR_OF.get(status[one.trial_id], RED) for one in ran],
    )
    for when, _ in breaks:
        axes.axvline(when / seconds, color="white", linewidth=4)  # parts a bar in two
        axes.axvline(when / seconds, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_ylim(len(trials) - 0.3, -0.7)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"{unit} {'of running ' if breaks else ''}since the first trial began")
    axes.set_ylabel("number of the trial")
    step = math.ceil(len(trials) / MOST_ROWS)
    axes.set_yticks(range(0, len(trials), step), [f"#{n}" for n in trials["number"][::step]])
    axes.tick_params(axis="y", labelsize=7.5)
    handles = [
        Patch(color=COLOUR_OF.get(s, RED), label=outcome_name(str(s)))
        for s in trials["status"].unique()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=4)
    note(figure, "\n".join([found.provenance, *_about(breaks)]))
    return figure


def _about(breaks: list[tuple[float, float]]) -> list[str]:
    if not breaks:
        return []
    lost = duration(sum(seconds for _, seconds in breaks))
    how_often = "once" if len(breaks) == 1 else f"{len(breaks)} times"
    return [f"dashed: the search stood still, {how_often}, {lost} in all, which are left out"]


def duration(seconds: float) -> str:
    """Return how long something took, as a reader says it."""
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
