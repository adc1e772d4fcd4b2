"""What a search may suggest: runs alone, each with a name; what cannot be run is refused."""

import runpy
from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import NSGAIISampler
from optuna.study import create_study
from tuning.driven_search import SPACE, START_FIELDS, DrivenSearch

from charon.errors import ConfigError
from charon.tuning.sampling import suggestions
from charon.tuning.sampling.suggestions import make_sampler
from charon.tuning.study.search_methods import NUMBERS_ONLY, check_sampler
from charon.tuning.study.space import Choice, Real, Whole, bound, holds
from charon.tuning.study.study import SAMPLERS

BY_SIZE = {"bytes_of": lambda fields: fields["learner.buffer_size"], "budget": 500}


def test_the_first_trial_is_the_papers_setting(tmp_path):
    search = DrivenSearch(tmp_path)
    assert search.suggest().fields == START_FIELDS
    assert search.suggest().fields != START_FIELDS


def test_suggestions_are_runs_without_values_between_whole_tuples(tmp_path):
    search = DrivenSearch(tmp_path)
    for _ in range(8):
        fields = search.suggest().fields
        assert fields.keys() == START_FIELDS.keys()
        assert holds(SPACE["learner.masking_ratio"], fields["learner.masking_ratio"])
        assert 120 % fields["learner.sampling_interval"] == 0


def test_names_end_in_the_number_and_are_unique(tmp_path):
    search = DrivenSearch(tmp_path)
    records = [search.suggest() for _ in range(4)]
    assert [record.label.partition("#")[2] for record in records] == list("0123")
    assert [record.number for record in records] == [0, 1, 2, 3]


def test_a_search_goes_on_from_its_journal_alone(tmp_path):
    search = DrivenSearch(tmp_path)
    first, second = search.suggest(), search.suggest()
    again = DrivenSearch(tmp_path)
    third = again.suggest()
    assert list(again.journal.trials) == [first.trial_id, second.trial_id, third.trial_id]
    assert third.label.endswith("#2")
    assert third.fields not in (first.fields, second.fields)


def test_a_search_that_was_killed_before_its_first_suggestion_begins_with_the_start(tmp_path):
    DrivenSearch(tmp_path)
    assert DrivenSearch(tmp_path).suggest().fields == START_FIELDS


def test_a_setting_over_the_budget_is_told_to_optuna_and_never_run(tmp_path):
    space = {"learner.buffer_size": Whole(100, 2000), "learner.alpha": Real(0.1, 1)}
    search = DrivenSearch(tmp_path, space, **BY_SIZE)
    for _ in range(8):
        record = search.suggest()
        assert record.fields["learner.buffer_size"] <= 500
        search.finish(record, [float(record.fields["learner.buffer_size"]) / 20] * 6)
    assert search.refused
    assert all("over 500 B" in event["refused"] for event in search.refused)
    numbers = [r.number for r in search.journal.trials.values()]
    numbers += [event["number"] for event in search.refused]
    assert sorted(numbers) == list(range(len(search.study.trials)))
    assert search.study.best_trial.params["learner.buffer_size"] <= 500


def test_fields_that_do_not_go_together_are_never_run(tmp_path):
    space = {
        "data.num_frames": Choice((10, 15, 120)),
        "model.frames_per_tuple": Choice((1, 2, 6)),
    }
    search = DrivenSearch(tmp_path, space)
    for _ in range(12):
        record = search.suggest()
        assert record.fields["data.num_frames"] % record.fields["model.frames_per_tuple"] == 0
        search.finish(record, [50.0] * 6)
    assert search.refused
    assert all("num_frames" in event["refused"] for event in search.refused)


def test_where_nothing_can_be_run_nothing_is_suggested(tmp_path, monkeypatch):
    monkeypatch.setattr(suggestions, "PATIENCE", 2)
    monkeypatch.setattr(suggestions, "MOST_DRAWS", 4)
    space = {"learner.buffer_size": Whole(500, 2000, log=True)}
    search = DrivenSearch(tmp_path, space, **BY_SIZE)
    search.suggest()
    assert search.suggest() is None
    assert len(search.refused) == 4


MODELLED = pytest.param("gp", marks=pytest.mark.slow)  # seconds a suggestion


DEFAULT = bound(
    runpy.run_path(str(Path(__file__).parents[3] / "studies" / "search.py"))["study"].space,
    START_FIELDS,
)


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes", MODELLED, "nsga2"])
def test_every_sampler_searches_the_default_space_in_two_sittings(tmp_path, sampler):
    larger = {**BY_SIZE, "budget": 1600}
    for _ in range(2):
        search = DrivenSearch(tmp_path, DEFAULT, sampler=sampler, **larger)
        for place in range(6):  # Optuna's samplers draw the first ten at random
            record = search.suggest()
            assert all(holds(DEFAULT[field], record.fields[field]) for field in DEFAULT)
            faa = 50.0 + 10 * record.fields["learner.alpha"]
            search.finish(record, [faa] * (2 if place == 2 else 6))


@pytest.mark.parametrize(("sampler", "noted"), [("cmaes", "cma:"), ("nsga2", "generation")])
def test_what_a_sampler_notes_with_a_trial_is_there_for_the_next_sitting(tmp_path, sampler, noted):
    search = DrivenSearch(tmp_path, sampler=sampler)
    for _ in range(8):
        search.finish(search.suggest(), [50.0] * 6)
    attributes = [set(trial.system_attrs) for trial in DrivenSearch(tmp_path).study.trials]
    assert any(noted in name for name in attributes[-1])
    assert attributes == [set(trial.system_attrs) for trial in search.study.trials]


# Samplers by name, what each can search, and that every suggestion has draws of its own.


NUMBERS = {"a": Real(0, 1), "b": Real(0, 1)}


def drawn(seed, number=0):
    """Return what the random sampler of a suggestion draws."""
    study = create_study(sampler=make_sampler("random", seed, 24, number))
    return study.ask({"a": FloatDistribution(0, 1)}).params["a"]


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_is_made_and_searches_two_numbers_for_one_objective(name):
    check_sampler(name, NUMBERS, ["val/faa"])
    make_sampler(name, seed=0, num_trials=24, number=0)


@pytest.mark.parametrize(
    ("space", "objectives", "message"),
    [
        ({**NUMBERS, "c": Choice(("x", "y"))}, ["val/faa"], "numbers only, and c is a choice"),
        ({"a": Real(0, 1)}, ["val/faa"], "at least two fields, but the space has a"),
        (NUMBERS, ["val/faa", "memory/bytes"], "one objective, but there are val/faa memory/bytes"),
    ],
)
def test_a_search_that_a_sampler_cannot_do_is_refused_with_a_remedy(space, objectives, message):
    for name in NUMBERS_ONLY:
        with pytest.raises(ConfigError, match=f"{message}.*--sampler tpe"):
            check_sampler(name, space, objectives)
    check_sampler("tpe", space, objectives)


def test_draws_depend_on_the_seed_and_repeat_with_it():
    assert drawn(seed=1) == drawn(seed=1) != drawn(seed=2)


def test_every_suggestion_has_draws_of_its_own():
    assert len({drawn(seed=1, number=number) for number in range(20)}) == 20


@pytest.mark.parametrize(("num_trials", "population"), [(8, 4), (100, 25), (1000, 50)])
def test_a_search_sees_a_few_generations(num_trials, population):
    sampler = make_sampler("nsga2", 0, num_trials, 0)
    assert isinstance(sampler, NSGAIISampler)
    assert sampler.population_size == population


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_search_that_is_interrupted_suggests_what_a_calm_one_does(name, tmp_path):
    space = {"learner.alpha": Real(0.1, 1), "learner.beta": Real(0.1, 1)}

    def suggested(folder, is_interrupted):
        folder.mkdir()
        search, fields = DrivenSearch(folder, space, sampler=name), []
        for _ in range(14):
            if is_interrupted:
                search = DrivenSearch(folder, space, sampler=name)
            record = search.suggest()
            fields.append(record.fields)
            search.finish(record, [record.fields["learner.alpha"]] * 6)
        return fields

    assert suggested(tmp_path / "calm", False) == suggested(tmp_path / "killed", True)
