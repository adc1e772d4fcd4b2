"""The view of a study on MLflow's page: its columns, charts and colours.

MLflow keeps a prepared view as JSON in a tag of the experiment; an address opens it by name.
It earns that the page shows all trials, best first, with FAA on top; the page's default draws
ten trials and puts a dozen other charts first. MLflow does not document the view: its content
was read off the page of the version that pyproject.toml pins, and tests watch it.
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

SECTIONS = (
    "test",
    "val",
    "epoch/train/loss",
    "epoch/train",
    "test/acc",
    "val/acc",
    "final",
    "train",
    "train/loss",
    "memory",
)
"""Metrics by the part of their name before the last slash, most wanted first."""


def trials_view(varied: Iterable[str]) -> str:
    """Return the value of :data:`VIEW_TAG`: all trials, best first, with their varied fields."""
    fields = dict.fromkeys(["learner", *varied, "seed"])
    shown = {"display": True, "isReordered": True, "deleted": False, "isGenerated": True}
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
        "compareRunCharts": [],  # the page adds one for every metric
        "compareRunSections": [{"uuid": name, "name": name, **shown} for name in SECTIONS],
        "isAccordionReordered": True,
    }
    return json.dumps(state)


def colour(fields: Mapping[str, Value], known: Sequence[Mapping[str, Value]]) -> str:
    """Return a trial's colour as ``#rrggbb``: a hue per configuration, a lightness per seed.

    MLflow's default gives the same blue to several of a dozen trials. ``known`` are the fields of
    the study's trials so far, oldest first, this one among them.
    """
    configurations = [tuple((n, v) for n, v in f.items() if n != "seed") for f in known]
    configuration = configurations[known.index(fields)]
    seeds = [f["seed"] for f, c in zip(known, configurations, strict=True) if c == configuration]
    # Multiples of the golden ratio keep any number of hues apart.
    hue = list(dict.fromkeys(configurations)).index(configuration) * 0.618034 % 1.0
    lightness = (0.42, 0.62, 0.30, 0.72)[seeds.index(fields["seed"]) % 4]
    return "#" + "".join(f"{round(255 * v):02x}" for v in colorsys.hls_to_rgb(hue, lightness, 0.7))
