"""The last words of a study."""

from tuning.fakes import journal_of_sharing

from charon.tuning.closing import saved_lines


def test_the_end_of_a_study_says_what_was_saved(tmp_path):
    """Trials of methods that cannot share are not counted."""
    journal = journal_of_sharing(tmp_path, [0.0, 90.0, 60.0, None])
    assert saved_lines(journal) == ["First task reused in 2 of 3 trials, 2.5 minutes saved."]


def test_a_study_that_does_not_share_says_nothing(tmp_path):
    assert saved_lines(journal_of_sharing(tmp_path, [None])) == []
