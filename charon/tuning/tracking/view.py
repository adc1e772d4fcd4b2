"""The view of a study on MLflow's page: first columns and charts, and the trials' colours.

MLflow keeps a prepared view as JSON in a tag of the experiment; an address opens it by name.
Without it the page draws ten trials only, which hides the lower bound of the first study, and
puts a dozen other charts above those of FAA. MLflow does not document the view: what it holds
was read off the page of the version that pyproject.toml pins, and the browser test watches it.
"""

import colorsys
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from charon.settings import Value

VIEW = "trials"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW}"
COLOUR_TAG = "mlflow.runColor"

RUNS_PAGE = (
    "#/experiments/{experiment}/runs?workflowType=machine_learning"
    f"&viewStateShareKey={VIEW}&compareRunsMode=CHART"
)
"""MLflow's page of the trials as charts; the experiment's own page hides them."""

SECTIONS = ("test", "val", "test/acc", "val/acc", "final", "train", "train/loss", "memory")
"""Metrics by the part of their name before the last slash, most wanted first."""

GOLDEN = 0.618034
"""Steps of this part of the colour circle keep any number of hues apart."""

LIGHTNESS = (0.42, 0.62, 0.30, 0.72)
"""Of the first seeds of a configuration; all seeds share its hue."""


def trials_view(varied: Iterable[str]) -> str:
    """Return the value of :data:`VIEW_TAG`: all trials, best first, curves of FAA on top.

    Args:
        varied: the fields in which the trials differ; they become columns of the table.
    """
    fields = dict.fromkeys(["learner", *varied, "seed"])
    state: dict[str, Any] = {
        "searchFilter": "tags.kind = 'trial'",
        "orderByKey": "metrics.`final/faa`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "runsHiddenMode": "SHOW_ALL",
        "selectedColumns": [
            "tags.`outcome`",
            "metrics.`final/faa`",
            "metrics.`final/forgetting`",
            *(f"params.`{name}`" for name in fields),
        ],
        "compareRunCharts": [],  # those of every metric are added by the page
        "compareRunSections": [_section(name) for name in SECTIONS],
        "isAccordionReordered": True,
    }
    return json.dumps(state)


def _section(name: str) -> dict[str, Any]:
    shown = {"display": True, "isReordered": True, "deleted": False, "isGenerated": True}
    return {"uuid": name, "name": name, **shown}


def colour(fields: Mapping[str, Value], known: Sequence[Mapping[str, Value]]) -> str:
    """Return a trial's colour as ``#rrggbb``: a hue per configuration, a lightness per seed.

    MLflow's own choice gives the same blue to several of a dozen trials.

    Args:
        fields: every field of the trial.
        known: those of the study's trials so far, oldest first, this one among them.
    """
    configuration = _without_seed(fields)
    configurations = [_without_seed(other) for other in known]
    seeds = [f["seed"] for f, c in zip(known, configurations, strict=True) if c == configuration]
    hue = list(dict.fromkeys(configurations)).index(configuration) * GOLDEN % 1.0
    lightness = LIGHTNESS[seeds.index(fields["seed"]) % len(LIGHTNESS)]
    return "#" + "".join(f"{round(255 * v):02x}" for v in colorsys.hls_to_rgb(hue, lightness, 0.7))


def _without_seed(fields: Mapping[str, Value]) -> tuple[tuple[str, Value], ...]:
    return tuple((name, value) for name, value in fields.items() if name != "seed")
