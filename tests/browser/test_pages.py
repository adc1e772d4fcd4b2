"""What a person sees: MLflow's pages and Ray's dashboard, opened as the study prints it."""

import csv
import os
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.request
from types import SimpleNamespace

import pytest
from browser.chromium import Chromium, missing_tool
from tuning.study_runs import finish, start, write_clips

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(missing_tool()), reason=missing_tool()),
]

EPOCHS = 400
"""Long enough for a browser to look at a trial while it runs: Ray's page has the names of its
processes some fifteen seconds after Ray's start, and the trials start within three."""

NUM_TASKS = 3

CURVES = """
const [metric, section] = arguments;
const card = [...document.querySelectorAll('[data-testid="experiment-view-compare-runs-card"]')]
    .find(card => card.innerText.trim().startsWith(metric));
const heading = [...document.querySelectorAll('main div')]
    .find(div => !div.children.length && div.textContent === section);
(card || heading || document.body).scrollIntoView();
return [...(card ? card.querySelectorAll('.scatterlayer .trace') : [])]
    .map(curve => curve.querySelectorAll('.point').length).filter(points => points);
"""
"""Numbers of points of the curves in a metric's chart; brings it into view, where it is drawn."""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study whose first trial has just started, and what it has printed so far."""
    folder = tmp_path_factory.mktemp("study")
    with start(write_clips(folder / "tiny.npz"), folder, epochs=EPOCHS) as process:
        try:
            printed = ""
            while "starts" not in printed:
                line = process.stdout.readline()
                assert line, process.stderr.read()
                printed += line
            yield SimpleNamespace(process=process, folder=folder, printed=printed)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)


@pytest.fixture(scope="module")
def mlflow(study):
    """The address of the runs and their names, with the server running as printed."""
    out = finish(study.process)
    command = re.search(r"^MLflow +(.+)$", out, re.MULTILINE)[1]
    with (study.folder / "tiny" / "trials.csv").open(encoding="utf-8", newline="") as file:
        names = [row["name"] for row in csv.DictReader(file)]
    port = free_port()
    server = [*shlex.split(command), "--port", str(port)]
    with subprocess.Popen(
        server,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            address = process.stdout.readline().removeprefix("Open ").strip()
            wait_for_answer(f"http://127.0.0.1:{port}/health", process)
            yield SimpleNamespace(address=address, names=names)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_answer(address, server):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert server.poll() is None, "the MLflow server ended by itself"
        try:
            return direct.open(address, timeout=5).close()
        except OSError:
            time.sleep(0.5)
    return pytest.fail(f"nothing answers at {address}")


@pytest.fixture
def browser():
    with Chromium() as chromium:
        yield chromium


def test_the_dashboard_lists_the_running_trials_by_name_once_it_has_the_token(study, browser):
    name = re.search(r"\] (.+?) +starts", study.printed)[1]
    dashboard = re.search(r"Ray dashboard +(http://\S+)", study.printed)[1]
    command = re.search(r"its token +(.+ get-auth-token)", study.printed)[1]
    token = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True).stdout
    browser.open(f"{dashboard}/#/cluster")
    assert name not in browser.wait_for("Authentication Token Required")
    browser.type_into("[role=dialog] input", token.strip())
    browser.click("Submit", "[role=dialog]")
    browser.wait_for(f"ray::charon_tiny {name}", "ALIVE")


def test_the_printed_address_shows_every_trial_with_its_curves_over_tasks(mlflow, browser):
    browser.open(mlflow.address)
    page = browser.wait_for(*mlflow.names, "test/faa")
    assert len(mlflow.names) == 3
    assert "does not exist" not in page
    for metric in ("test/faa", "test/acc/task_01"):
        wait_for_curves(browser, metric, [NUM_TASKS] * len(mlflow.names))


def wait_for_curves(browser, metric, num_points, title=None):
    """Wait for the chart of a metric to have curves of so many points."""
    section = metric.rpartition("/")[0]
    browser.wait_until(
        lambda: browser.run(CURVES, title or metric, section) == num_points,
        f"curves of {metric} with {num_points} points",
    )


def test_the_table_shows_what_was_varied_beside_the_result(mlflow, browser):
    browser.open(mlflow.address.replace("&compareRunsMode=CHART", ""))
    browser.wait_for(*mlflow.names, "final/faa", "learner.masking_ratio", "seed")


def test_a_trial_has_its_study_its_curves_and_the_picture_of_its_matrix(mlflow, browser):
    browser.open(mlflow.address)
    browser.wait_for(*mlflow.names)
    browser.click(mlflow.names[0])
    browser.wait_for("Parent run", "learner.masking_ratio", "test/acc/task_03", "outcome")
    browser.wait_for("CHARON, η = ", "No other run of this setting has finished.")
    browser.click("Model metrics")
    wait_for_curves(browser, "test/acc/task_01", [NUM_TASKS], title="task_01")
    browser.click("Artifacts")
    browser.wait_for("accuracy_matrix.csv", "accuracy_matrix.png")
    browser.run(
        "[...document.querySelectorAll('[role=treeitem], li, span, div')]"
        ".filter(e => e.innerText === 'accuracy_matrix.png').pop().click()"
    )
    picture = "return Math.max(0, ...[...document.images].map(image => image.naturalWidth))"
    browser.wait_until(lambda: browser.run(picture) > 300, "the picture of the accuracy matrix")


def test_the_study_is_the_parent_of_its_trials(study, mlflow, browser):
    browser.open(mlflow.address)
    browser.wait_for(*mlflow.names)
    browser.click(mlflow.names[0])
    browser.wait_for("Parent run")
    browser.click(re.search(r"^(tiny on .+?): ", study.printed, re.MULTILINE)[1])
    browser.wait_for("Child runs", "Does the whole way work?", "best_faa", *mlflow.names)
    browser.click("Show more")
    browser.wait_for("masking ratio η", "How to read")


def test_the_charts_can_be_grouped_by_setting(mlflow, browser):
    browser.open(mlflow.address)
    browser.wait_for(*mlflow.names, "test/faa")
    browser.click("Group by")
    item = "[...document.querySelectorAll('[role=menuitemcheckbox]')]"
    browser.wait_for("Params")
    browser.run(f"{item}.find(item => item.innerText === 'setting').click()")
    browser.wait_for("Group: FT")
