"""The trials of a study as Ray is given them: entered once, and those that go on first."""

import pytest
from ray.tune.search import Searcher
from tuning.driven_search import SETTING, START_FIELDS, DrivenSearch

from charon.tuning.execution.searcher import Entries, StudySearch
from charon.tuning.records.journal import (
    EXHAUSTED,
    FAILED,
    FINISHED,
    INTERRUPTED,
    PRUNED,
    TIME_UP,
    Journal,
    is_over,
)


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal.jsonl")


def entered(journal):
    """Return a study's trials as the runner enters them in each sitting."""
    journal.append("study")
    entries = Entries(journal, "1a2b3c4d", {"dataset": "tiny"}, SETTING)
    fields = {"learner": "charon", "seed": 0}
    return entries, [entries.enter(place, f"label {place}", fields) for place in range(5)]


def test_a_trial_has_an_id_of_the_studys_own_that_stays(journal):
    _, names = entered(journal)
    assert names[:2] == ["1a2b3_00000", "1a2b3_00001"]
    assert entered(Journal(journal.path))[1] == names
    assert len(list(Journal(journal.path).of_kind("trial"))) == len(names)


def test_a_trial_is_told_what_holds_for_all_and_how_it_is_repeated_alone(journal):
    entered(journal)
    tags = journal.trials["1a2b3_00000"].tags
    assert tags["dataset"] == "tiny"
    assert "charon run --learner charon" in tags["command"]


def test_a_sitting_runs_what_is_neither_finished_nor_pruned(journal):
    _, names = entered(journal)
    for name, outcome in zip(names, (FINISHED, PRUNED, FAILED, INTERRUPTED), strict=False):
        journal.append("end", name, outcome=outcome)
    entries, _ = entered(Journal(journal.path))
    assert [trial["id"] for trial in entries.waiting()] == names[2:]


@pytest.fixture
def driven(tmp_path):
    return DrivenSearch(tmp_path)


def rays(driven, num_trials=24, suggest=None, **limits):
    """Return what Ray asks in a sitting of a search."""
    return StudySearch(driven.entries, suggest or driven.suggester.suggest, num_trials, **limits)


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


def test_a_search_in_which_nothing_more_can_be_run_is_over(driven):
    driven.finish(driven.suggest(), [50.0] * 6)
    search = rays(driven, suggest=lambda: None)
    assert search.suggest("b") == Searcher.FINISHED
    assert search.ended_by == EXHAUSTED
    assert not is_over(driven.journal, 24)
    driven.journal.append(search.ended_by)
    assert is_over(driven.journal, 24)
