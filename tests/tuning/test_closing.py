"""The last words of a study."""

from tuning.fakes import enter, fake_result

from charon.tuning.closing import saved_lines
from charon.tuning.execution.callbacks import Recorder
from charon.tuning.records.journal import Journal


def journal_of(folder, saved):
    (folder / "progress").mkdir()
    journal = Journal(folder / "journal.jsonl")
    recorder = Recorder(journal, folder)
    for number, seconds in enumerate(saved):
        trial = enter(journal, f"t{number}")
        more = {} if seconds is None else {"time/shared_seconds": seconds}
        recorder.on_trial_start(0, [trial], trial)
        recorder.on_trial_result(0, [trial], trial, fake_result(1, **more))
    return journal


def test_the_end_of_a_study_says_what_was_saved(tmp_path):
    """Trials of methods that cannot share are not counted."""
    journal = journal_of(tmp_path, [0.0, 90.0, 60.0, None])
    assert saved_lines(journal) == ["First task reused in 2 of 3 trials, 2.5 minutes saved."]


def test_a_study_that_does_not_share_says_nothing(tmp_path):
    assert saved_lines(journal_of(tmp_path, [None])) == []
