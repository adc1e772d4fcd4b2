"""When a study is over, and how long it has run in all its sittings."""

from charon.tuning.records.completion import EXTENDED, TIME_UP, is_over, spent_seconds
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, PRUNED, Journal


def events(*kinds_and_times):
    return [{"kind": kind, "time": time} for kind, time in kinds_and_times]


def test_time_counts_while_the_study_runs_and_not_between_its_sittings():
    assert spent_seconds([]) == 0
    first = [("study", 100.0), ("start", 110.0), ("report", 160.0)]
    assert spent_seconds(events(*first)) == 60
    assert spent_seconds(events(*first, ("study", 9000.0), ("end", 9005.0))) == 65


def test_what_follows_a_search_takes_none_of_its_hours():
    over = [("study", 0.0), ("end", 70.0), (TIME_UP, 71.0)]
    follow_up = [("tag", 72.0), ("study_end", 900.0)]
    assert spent_seconds(events(*over, *follow_up)) == 71
    assert spent_seconds(events(*over[:2], *follow_up)) == 70
    assert spent_seconds(events(*over, *follow_up, ("study", 1000.0), ("tag", 1500.0))) == 71


def test_added_trials_have_their_own_time():
    both = [("study", 0.0), ("end", 50.0), (EXTENDED, 100.0), ("study", 101.0), ("end", 104.0)]
    assert spent_seconds(events(*both)) == 3


def journal(folder, *outcomes):
    one = Journal(folder / "journal.jsonl")
    one.append("study")
    for number, outcome in enumerate(outcomes):
        one.append("trial", str(number), label="", fields={}, tags={})
        one.append("end", str(number), outcome=outcome)
    return one


def test_a_study_is_over_when_every_trial_is(tmp_path):
    one = journal(tmp_path, FINISHED, PRUNED, FAILED)
    assert is_over(one, 3)
    assert not is_over(one, 4)


def test_a_study_with_an_open_trial_is_not_over(tmp_path):
    assert not is_over(journal(tmp_path, FINISHED, INTERRUPTED), 1)


def test_a_search_out_of_time_is_over_until_it_goes_on(tmp_path):
    one = journal(tmp_path, FINISHED)
    one.append(TIME_UP)
    assert is_over(one, 24)
    one.append("study")
    assert not is_over(one, 24)


def test_a_study_whose_failed_trials_are_tried_again_is_not_over(tmp_path):
    one = journal(tmp_path, FINISHED, FAILED)
    assert is_over(one, 2)
    one.append("study")
    assert not is_over(one, 2)
