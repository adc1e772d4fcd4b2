"""What MLflow's runs hold, beside what the sender's tests see."""

import sqlite3

import pytest
from mlflow.exceptions import MlflowException
from tuning.fakes import FIELDS

from charon.tuning.records.journal import FINISHED, PRUNED, TrialRecord
from charon.tuning.tracking.runs import final_metrics, is_temporary


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (ConnectionError(), True),
        (sqlite3.OperationalError("database is locked"), True),
        (MlflowException("away"), True),
        (MlflowException.invalid_parameter_value("no such name"), False),
        (KeyError("metrics"), False),
    ],
)
def test_only_what_may_work_later_is_sent_again(error, temporary):
    assert is_temporary(error) == temporary


def test_final_metrics_are_those_of_the_whole_stream_of_a_finished_trial():
    record = TrialRecord("t1", "label", FIELDS, status=FINISHED)
    record.curve[3] = {
        "test/faa": 50.0,
        "test/acc/task_01": 60.0,
        "memory/bytes": 9.0,
        "gpu/x": 1.0,
    }
    assert final_metrics(record) == {"final/faa": 50.0, "final/memory_bytes": 9.0}
    record.status = PRUNED
    assert final_metrics(record) == {}
