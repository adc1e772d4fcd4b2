"""A study read back from MLflow."""

import pytest
from report.made_studies import TAGS

from charon.errors import ConfigError
from charon.tuning.records.journal import Journal
from charon.tuning.tracking.reading import read_experiment
from charon.tuning.tracking.runs import Runs
from charon.tuning.tracking.store import choose_store


@pytest.fixture
def store(tmp_path):
    """A database with a study of a finished and a failed trial."""
    journal = Journal(tmp_path / "journal.jsonl")
    tags = {**TAGS, "dataset": "tiny", "standin": "true", "question": "Which?"}
    journal.append("study", key="k", title="t", varied=["learner.alpha"], tags=tags)
    for number, outcome in enumerate(("finished", "failed")):
        name = f"k_{number}"
        fields = {
            "learner": "charon",
            "learner.alpha": 0.3,
            "data.keep_gaps": False,
            "seed": number,
        }
        journal.append("trial", name, label=name, fields=fields, tags={})
        journal.append("start", name)
        report = {"metrics": {"test/faa": 50.0 + number}, "matrix": [[50.0]], "seconds": 2.0}
        journal.append("report", name, task=1, num_tasks=1, tags={}, **report)
        journal.append("end", name, outcome=outcome, error="", artifacts=[])
    store = choose_store(None, tmp_path)
    runs = Runs(journal, store, "some")
    runs.look_up()
    for event in journal.events:
        runs.send(event)
    return store.uri


def test_fields_metrics_outcomes_and_tags_come_back(store):
    results = read_experiment(store, "some")
    trials = results.trials.set_index("seed")
    assert trials.loc[0, "learner.alpha"] == 0.3
    assert trials.loc[0, "data.keep_gaps"] == False  # noqa: E712 - a column of numpy's
    assert trials["status"].to_dict() == {0: "finished", 1: "failed"}
    assert list(results.finished["test/faa"]) == [50.0]
    assert results.tags["fingerprint"] == TAGS["fingerprint"]
    assert results.study.question == "Which?"


def test_an_experiment_that_is_not_there_is_refused_with_those_that_are(store):
    with pytest.raises(ConfigError, match=r"no experiment 'other'; known are .*some"):
        read_experiment(store, "other")
