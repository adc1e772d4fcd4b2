"""MLflow's metrics: names, steps and times, made of the journal alone."""

from mlflow.utils.validation import MAX_ENTITIES_PER_BATCH, MAX_PARAMS_TAGS_PER_BATCH
from tuning.fakes import FIELDS

from charon.tuning.records.journal import FINISHED, PRUNED, TrialRecord
from charon.tuning.tracking.metrics import (
    AT_ONCE,
    final_metrics,
    portions,
    report_metrics,
    study_metrics,
)


def finished(name, faa, ended, status=FINISHED):
    record = TrialRecord(name, name, FIELDS, status=status, ended=ended)
    record.curve[3] = {"test/faa": faa}
    return record


def plain(metrics):
    return [(m.key, m.step, m.value, m.timestamp) for m in metrics]


def test_a_task_has_its_number_as_step_and_its_epochs_have_theirs():
    event = {
        "time": 2.0,
        "task": 2,
        "metrics": {"test/faa": 70.0},
        "epochs": {"first": 4, "means": {"train/accuracy": [50.0, 60.0, None]}},
    }
    assert plain(report_metrics(event)) == [
        ("test/faa", 2, 70.0, 2000),
        ("epoch/train/accuracy", 4, 50.0, 2000),
        ("epoch/train/accuracy", 5, 60.0, 2000),
    ]


def test_a_journal_of_before_there_were_epochs_is_read():
    event = {"time": 2.0, "task": 1, "metrics": {"test/faa": 70.0}}
    assert [m.key for m in report_metrics(event)] == ["test/faa"]


def test_final_metrics_are_those_of_the_whole_stream_of_a_finished_trial():
    record = finished("t1", 50.0, 1.0)
    record.curve[3] |= {"test/acc/task_01": 60.0, "memory/bytes": 9.0, "gpu/x": 1.0}
    assert final_metrics(record) == {"final/faa": 50.0, "final/memory_bytes": 9.0}
    record.status = PRUNED
    assert final_metrics(record) == {}


def test_a_study_has_the_best_and_the_mean_faa_of_the_trials_finished_so_far():
    """The same whenever it is asked: sent again, it is what MLflow has."""
    records = [
        finished("a", 40.0, 1.0),
        finished("b", 90.0, 2.0, PRUNED),
        finished("c", 60.0, 3.0),
        finished("d", 20.0, 4.0),
    ]
    assert study_metrics(records, until=0.5) == []
    expected = [("best_faa", 2, 60.0, 3000), ("mean_faa", 2, 50.0, 3000)]
    assert plain(study_metrics(records, until=3.0)) == expected
    assert plain(study_metrics(records[:3], until=3.5)) == expected


def test_any_number_of_epochs_goes_in_calls_that_mlflow_takes():
    assert AT_ONCE + MAX_PARAMS_TAGS_PER_BATCH <= MAX_ENTITIES_PER_BATCH
    many = list(range(2 * AT_ONCE + 1))
    assert [len(part) for part in portions(many)] == [1, AT_ONCE, AT_ONCE]
    assert sorted(m for part in portions(many) for m in part) == many
    assert list(portions(many))[-1][0] == 0, "the task's, by which the others are known to be there"
    assert list(portions([])) == [[]]
