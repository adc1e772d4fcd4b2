"""A study's results as MLflow has them, for those who do not have its folder."""

from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from charon.errors import ConfigError
from charon.report.results import Results, StudySummary
from charon.settings import parse_field
from charon.text import first_line
from charon.tuning.tracking.notes import NOTE_TAG, QUESTION_TAG

MOST_RUNS = 50_000
"""That a call may ask for."""


def read_experiment(uri: str, name: str) -> Results:
    """Return the latest study of an experiment: its trials with their final metrics.

    Raises:
        ConfigError: the store does not answer, or has no study of that name.
    """
    try:
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            known = ", ".join(e.name for e in client.search_experiments()) or "none"
            raise ConfigError(f"{uri} has no experiment {name!r}; known are {known}.")
        parents = client.search_runs([experiment.experiment_id], "tags.kind = 'study'")
        if not parents:
            raise ConfigError(f"The experiment {name!r} in {uri} holds no study.")
        parent = parents[0]
        wanted = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
        runs = client.search_runs([experiment.experiment_id], wanted, max_results=MOST_RUNS)
    except MlflowException as error:
        raise ConfigError(f"MLflow at {uri} does not answer: {first_line(error)}.") from error
    rows = []
    for run in reversed(runs):
        fields = dict(parse_field(f"{key}={value}") for key, value in run.data.params.items())
        about = {"trial_id": run.info.run_id, "name": run.info.run_name}
        status = {"status": run.data.tags.get("outcome", "unknown")}
        rows.append({**about, **fields, **status, **run.data.metrics})
    trials = pd.DataFrame(rows)
    tags = dict(parent.data.tags)
    part = "test" if "test/faa" in trials else "val"
    summary = StudySummary(
        name=name,
        question=tags.get(QUESTION_TAG) or tags.get(NOTE_TAG, name),  # older ones have a note
        data=tags.get("dataset", "unknown data"),
        protocol=tags.get("protocol", "unknown protocol"),
        is_standin=tags.get("standin") == "true",
        scale="unknown",
        objectives=(f"{part}/faa",),
        varied=tuple(name for name in map(str, trials) if "." in name),
        num_trials=len(trials),
        extensions=0,
        budget=None,
        settings={},
    )
    return Results(Path(name), summary, trials, pd.DataFrame(), tags)
