"""What a search may suggest: runs alone, each with a name; what cannot be run is refused."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher
from tuning.driven_search import SPACE, START_FIELDS, begun, finish

from charon.tuning.execution.runner import closing_words, noted
from charon.tuning.records.completion import is_over
from charon.tuning.records.journal import FINISHED, Journal
from charon.tuning.sampling.suggestions import REFUSED
from charon.tuning.study.space import Choice, Real, Whole, bound


def test_suggestions_are_runs_without_values_between_whole_tuples(tmp_path):
    one = begun(tmp_path)
    for name in "abcdefgh":
        fields = one.suggest(name)["trial"]["run"]
        assert SPACE["learner.masking_ratio"].holds(fields["learner.masking_ratio"])
        assert 120 % fields["learner.sampling_interval"] == 0


def test_names_of_suggestions_are_unique(tmp_path):
    one = begun(tmp_path)
    names = [one.suggest(name)["trial"]["name"] for name in "abcd"]
    assert len(set(names)) == 4


def test_a_setting_over_the_budget_is_told_to_optuna_and_never_run(tmp_path):
    space = {"learner.buffer_size": Whole(100, 2000), "learner.alpha": Real(0.1, 1)}
    one = begun(
        tmp_path, space, num_trials=8, budget=500, bytes_of=lambda f: f["learner.buffer_size"]
    )
    heard = []
    one.on_suggestion = heard.append
    for name in "abcdefgh":
        fields = one.suggest(name)["trial"]["run"]
        assert fields["learner.buffer_size"] <= 500
        finish(one, name, [float(fields["learner.buffer_size"]) / 20] * 6)
    over = [t for t in one.study.trials if REFUSED in t.user_attrs]
    assert over
    assert over[-1].user_attrs[REFUSED] == [s.refused for s in heard if s.refused][-1]
    assert "over 500 B" in over[-1].user_attrs[REFUSED]
    assert {t.state for t in over} == {TrialState.PRUNED}
    assert all(t.constraints["memory/bytes"] > 0 for t in over)
    assert one.study.best_trial.params["learner.buffer_size"] <= 500
    assert [s.number for s in heard] == list(range(len(one.study.trials)))
    assert [s.ray_trial for s in heard if s.ray_trial] == list("abcdefgh")


def test_fields_that_do_not_go_together_are_told_to_optuna_and_never_run(tmp_path):
    space = {
        "data.num_frames": Choice((10, 15, 120)),
        "model.frames_per_tuple": Choice((1, 2, 6)),
    }
    one = begun(tmp_path, space)
    heard = []
    one.on_suggestion = heard.append
    for number in range(12):
        fields = one.suggest(str(number))["trial"]["run"]
        assert fields["data.num_frames"] % fields["model.frames_per_tuple"] == 0
        finish(one, str(number), [50.0] * 6)
    refused = [suggestion.refused for suggestion in heard if suggestion.refused]
    assert refused
    assert all("num_frames" in why for why in refused)
    assert {t.state for t in one.study.trials if REFUSED in t.user_attrs} == {TrialState.PRUNED}


def test_a_search_in_which_nothing_more_can_be_run_is_over_and_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr("charon.tuning.sampling.suggestions.PATIENCE", 2)
    monkeypatch.setattr("charon.tuning.sampling.suggestions.MOST_DRAWS", 4)
    space = {"learner.buffer_size": Whole(500, 2000, log=True)}
    one = begun(tmp_path, space, budget=500, bytes_of=lambda f: f["learner.buffer_size"])
    journal = Journal(tmp_path / "journal.jsonl")
    one.on_suggestion = lambda suggestion: noted(journal, suggestion)
    one.suggest("a")
    journal.append("trial", "a", label="", fields={}, tags={})
    finish(one, "a", [50.0] * 6)
    journal.append("end", "a", outcome=FINISHED)
    assert one.suggest("b") == Searcher.FINISHED
    assert len(one.study.trials) == 1 + 4
    assert not is_over(journal, 24)
    journal.append(one.ended_by)
    assert is_over(journal, 24)
    refused, end = closing_words(journal, SimpleNamespace(num_trials=24), one.ended_by)
    assert "Suggested, but not run: 4 settings" in refused
    assert "over 500 B" in refused
    assert "after 1 of 24 trials" in end
    assert "--budget" in end
    assert "--resume" not in end


MODELLED = pytest.param("gp", marks=pytest.mark.slow)  # seconds a suggestion


DEFAULT = bound(
    runpy.run_path(str(Path(__file__).parents[3] / "studies" / "search.py"))["study"].space,
    START_FIELDS,
)


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes", MODELLED, "nsga2"])
def test_every_sampler_searches_the_default_space_without_a_warning(tmp_path, sampler):
    one = begun(
        tmp_path, DEFAULT, sampler=sampler, budget=1600, bytes_of=lambda f: f["learner.buffer_size"]
    )
    for name in "abcdefghijkl":  # Optuna's samplers draw the first ten at random
        fields = one.suggest(name)["trial"]["run"]
        assert all(DEFAULT[field].holds(fields[field]) for field in DEFAULT)
        finish(one, name, [50.0 + 10 * fields["learner.alpha"]] * (2 if name == "c" else 6))
