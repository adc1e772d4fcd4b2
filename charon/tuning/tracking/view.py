"""The view of a study on MLflow's page: its columns, charts and colours.

MLflow keeps a prepared view as JSON in a tag of the experiment; an address opens it by name.
It earns that the page shows all trials, best first, with FAA on top; the page's default draws
ten trials and puts a dozen other charts first. MLflow does not document the view: its content
was read off the page of the version that pyproject.toml pins, and tests watch it.
"""

import colorsys
import json
from collections import Counter
from collections.abc import Iterable, Mapping
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


class Palette:
    """Gives a study's trials colours, one after the other.

    MLflow's default gives the same blue to several of a dozen trials.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[Any, ...], int] = {}
        self._seeds: Counter[tuple[Any, ...]] = Counter()

    def colour(self, fields: Mapping[str, Value]) -> str:
        """Return the next trial's ``#rrggbb``: a hue per configuration, a lightness per seed."""
        configuration = tuple((name, value) for name, value in fields.items() if name != "seed")
        # Multiples of the golden ratio keep any number of hues apart.
        hue = self._places.setdefault(configuration, len(self._places)) * 0.618034 % 1.0
        lightness = (0.42, 0.62, 0.30, 0.72)[self._seeds[configuration] % 4]
        self._seeds[configuration] += 1
        shares = colorsys.hls_to_rgb(hue, lightness, 0.7)
        return "#" + "".join(f"{round(255 * share):02x}" for share in shares)
