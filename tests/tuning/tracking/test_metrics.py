"""MLflow's metrics: names, steps and times, made of the journal alone."""

from mlflow.utils.validation import MAX_ENTITIES_PER_BATCH, MAX_PARAMS_TAGS_PER_BATCH
from tuning.fakes import FIELDS

from charon.tuning.records.journal import FINISHED, PRUNED, Journal, TrialRecord
from charon.tuning.tracking.metrics import (
    AT_ONCE,
    Standing,
    final_metrics,
    portions,
    report_metrics,
)


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
    record = TrialRecord("t1", "t1", FIELDS, status=FINISHED)
    record.curve[3] = {"test/faa": 50.0, "test/acc/task_01": 60.0}
    record.curve[3] |= {"memory/bytes": 9.0, "gpu/x": 1.0}
    assert final_metrics(record) == {"final/faa": 50.0, "final/memory_bytes": 9.0}
    record.status = PRUNED
    assert final_metrics(record) == {}


def test_a_study_has_the_best_and_the_mean_faa_of_the_trials_finished_so_far(tmp_path):
    """The same whenever it is asked: sent again, it is what MLflow has."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append("study")
    for name, faa, outcome in [("a", 40.0, FINISHED), ("b", 90.0, PRUNED), ("c", 60.0, FINISHED)]:
        journal.append("trial", name, label=name, fields=FIELDS)
        report = {"task": 1, "num_tasks": 1, "metrics": {"test/faa": faa}, "matrix": [[faa]]}
        journal.append("report", name, **report, seconds=1.0)
        journal.append("end", name, outcome=outcome)
    standing = Standing(journal)
    after_c = plain(standing.after("c"))
    at = int(1000 * journal.trials["c"].ended)
    assert after_c == [("best_faa", 2, 60.0, at), ("mean_faa", 2, 50.0, at)]
    assert [m.value for m in standing.after("a")] == [40.0, 40.0]
    assert plain(Standing(journal).after("c")) == after_c


def test_any_number_of_epochs_goes_in_calls_that_mlflow_takes():
    assert AT_ONCE + MAX_PARAMS_TAGS_PER_BATCH <= MAX_ENTITIES_PER_BATCH
    many = list(range(2 * AT_ONCE + 1))
    assert [len(part) for part in portions(many)] == [1, AT_ONCE, AT_ONCE]
    assert sorted(m for part in portions(many) for m in part) == many
    assert list(portions(many))[-1][0] == 0, "the task's, by which the others are known to be there"
    assert list(portions([])) == [[]]
