"""The trials of a search as Ray asks for them: those that go on first, and an end."""

import pytest
from ray.tune.search import Searcher
from tuning.driven_search import START_FIELDS, DrivenSearch

from charon.tuning.execution.runner import closing_words
from charon.tuning.execution.searcher import Limits, StudySearch
from charon.tuning.records.completion import EXHAUSTED, TIME_UP, is_over
from charon.tuning.records.journal import FAILED


@pytest.fixture
def driven(tmp_path):
    return DrivenSearch(tmp_path)


def rays(driven, num_trials=24, suggest=None, **limits):
    """Return what Ray asks in a sitting of a search."""
    return StudySearch(
        driven.entries.waiting(),
        driven.journal,
        Limits(num_trials, **limits),
        suggest or driven._suggester.suggest,
        driven.entries.suggested,
    )


def test_a_trial_is_given_its_id_its_run_and_where_things_are(driven):
    given = rays(driven).suggest("rays own")["trial"]
    (record,) = driven.journal.trials.values()
    assert (given["id"], given["number"], given["name"]) == (record.trial_id, 0, record.label)
    assert given["run"] == START_FIELDS
    assert given["context"]["folder"] == "/results/study"


def test_trials_that_go_on_come_before_new_ones(tmp_path, driven):
    first, second, third = (driven.suggest() for _ in range(3))
    driven.finish(second, [90.0] * 6)
    driven.journal.append("end", third.trial_id, outcome=FAILED)
    again = DrivenSearch(tmp_path)
    search = rays(again)
    given = [search.suggest(str(place))["trial"]["id"] for place in range(3)]
    assert given[:2] == [first.trial_id, third.trial_id]
    assert given[2] not in [record.trial_id for record in (first, second, third)]


def test_a_search_ends_after_its_trials_and_goes_on_when_it_may_have_more(tmp_path, driven):
    search = rays(driven, num_trials=1)
    name = search.suggest("a")["trial"]["id"]
    assert search.suggest("b") == Searcher.FINISHED
    assert search.ended_by == ""
    driven.finish(driven.journal.trials[name], [90.0] * 6)
    longer = rays(DrivenSearch(tmp_path), num_trials=2)
    assert longer.suggest("b")["trial"]["number"] == 1
    assert longer.suggest("c") == Searcher.FINISHED


def test_after_its_hours_a_search_starts_nothing_new(tmp_path, driven):
    search = rays(driven, deadline=0.0)
    assert search.suggest("a")["trial"]["number"] == 0
    assert search.suggest("b") == Searcher.FINISHED
    assert search.ended_by == TIME_UP
    # What had begun goes on all the same.
    assert rays(DrivenSearch(tmp_path), deadline=0.0).suggest("a")["trial"]["number"] == 0


def test_a_search_in_which_nothing_more_can_be_run_is_over_and_says_why(tmp_path, driven):
    driven.finish(driven.suggest(), [50.0] * 6)
    refused = {"fields": {}, "sampler": {}, "refused": "Its memory could take 900 B, over 500 B."}
    driven.journal.append("refused", number=1, **refused)
    search = rays(driven, suggest=lambda: None)
    assert search.suggest("b") == Searcher.FINISHED
    assert search.ended_by == EXHAUSTED
    assert not is_over(driven.journal, 24)
    driven.journal.append(search.ended_by)
    assert is_over(driven.journal, 24)
    why, end = closing_words(driven.journal, Limits(24), search.ended_by)
    assert "Suggested, but not run: 1 configuration" in why
    assert "over 500 B" in why
    assert "after 1 of 24 trials" in end
    assert "--budget" in end
    assert "--resume" not in end
