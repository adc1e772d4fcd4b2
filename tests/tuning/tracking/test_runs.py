"""Which refusals of MLflow are worth another attempt; the sender's tests see the runs."""

import sqlite3

import pytest
from mlflow.exceptions import MlflowException

from charon.tuning.tracking.runs import is_temporary


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
