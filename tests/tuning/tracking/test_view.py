"""The view of a study that MLflow's page opens."""

import colorsys
import json
import re
from pathlib import Path

import mlflow
import pytest

from charon.tuning.tracking.view import RUNS_PAGE, VIEW_TAG, Palette, trials_view


def test_the_page_opens_the_view_as_charts_of_all_trials():
    page = RUNS_PAGE.format(experiment=7)
    assert page.startswith("#/experiments/7/runs?")
    assert "compareRunsMode=CHART" in page
    name = re.search("viewStateShareKey=([a-z]+)", page)[1]
    assert f"mlflow.sharedViewState.{name}" == VIEW_TAG
    view = json.loads(trials_view(["learner.masking_ratio"]))
    assert "params.`learner.masking_ratio`" in view["selectedColumns"]
    assert view["runsHiddenMode"] == "SHOW_ALL"


def test_the_installed_page_knows_the_undocumented_words_of_the_view():
    build = Path(mlflow.__file__).parent / "server" / "js" / "build" / "static" / "js"
    scripts = "".join(path.read_text(encoding="utf-8") for path in build.glob("*.js"))
    view = json.loads(trials_view([]))
    words = [
        VIEW_TAG.rpartition(".")[0],
        "viewStateShareKey",
        *view,
        *view["compareRunSections"][0],
    ]
    assert [word for word in words if word not in scripts] == []


def test_every_trial_has_a_colour_of_its_own_and_seeds_share_a_hue():
    trials = [{"eta": n / 10, "seed": seed} for seed in range(2) for n in range(10)]
    palette = Palette()
    colours = {(trial["eta"], trial["seed"]): palette.colour(trial) for trial in trials}
    assert len(set(colours.values())) == len(trials)
    assert all(re.fullmatch("#[0-9a-f]{6}", value) for value in colours.values())
    assert hue(colours[0.3, 0]) == pytest.approx(hue(colours[0.3, 1]), abs=0.01)


def hue(colour):
    return colorsys.rgb_to_hls(*(value / 255 for value in bytes.fromhex(colour[1:])))[0]
