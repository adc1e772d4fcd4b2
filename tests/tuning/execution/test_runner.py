"""What a study leaves behind when it is over."""

from charon.tuning.execution.runner import remove_leftovers
from charon.tuning.records.journal import FAILED, FINISHED, LOST, PRUNED, Journal
from charon.tuning.study.first_tasks import first_tasks_folder


def test_of_a_study_that_is_over_only_failed_trials_keep_what_they_go_on_from(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    for outcome in (FINISHED, PRUNED, FAILED, LOST):
        journal.append("trial", outcome, label="", fields={}, tags={})
        journal.append("end", outcome, outcome=outcome)
        (tmp_path / "ray" / outcome / "checkpoint_000001").mkdir(parents=True)
        (tmp_path / "ray" / outcome / "result.json").touch()
    first_tasks_folder(str(tmp_path)).mkdir()
    remove_leftovers(tmp_path, journal)
    assert [path.parent.name for path in tmp_path.glob("ray/*/checkpoint_*")] == [FAILED]
    assert len(list(tmp_path.glob("ray/*/result.json"))) == 4
    assert not first_tasks_folder(str(tmp_path)).exists()
