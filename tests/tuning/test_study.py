"""A study is expanded into an ordered list of complete, checked runs."""

import pytest

from charon.errors import ConfigError
from charon.tuning.space import Choice, Real
from charon.tuning.study import Study, expand

ETA = "learner.masking_ratio"


def study(**changes):
    given = {"name": "some", "question": "Which?", "seeds": (0, 1), **changes}
    return Study(**given)


def test_every_grid_point_is_run_with_every_seed_and_the_seeds_are_outermost():
    runs = expand(study(grid={ETA: [0.0, 0.5]}, seeds=(3, 4)))
    found = [(run.fields[ETA], run.fields["seed"]) for run in runs]
    assert found == [(0.0, 3), (0.5, 3), (0.0, 4), (0.5, 4)]


def test_several_grid_fields_are_combined():
    runs = expand(study(grid={ETA: [0.0, 0.5], "learner.alpha": [0.1, 0.2]}, seeds=(0,)))
    assert [(run.fields[ETA], run.fields["learner.alpha"]) for run in runs] == [
        (0.0, 0.1),
        (0.0, 0.2),
        (0.5, 0.1),
        (0.5, 0.2),
    ]


def test_a_run_is_complete_and_has_the_papers_values_where_nothing_is_said():
    (run,) = expand(study(seeds=(0,)))
    assert run.fields["learner"] == "charon"
    assert run.fields[ETA] == 0.3
    assert run.fields["optimiser.epochs"] == 30


def test_runs_beside_the_grid_come_last_and_once_with_the_first_seed():
    runs = expand(study(grid={ETA: [0.0]}, seeds=(5, 6), also=[{"learner": "finetune"}]))
    assert [(run.fields["learner"], run.fields["seed"]) for run in runs] == [
        ("charon", 5),
        ("charon", 6),
        ("finetune", 5),
    ]


def test_a_run_beside_the_grid_takes_of_the_base_what_its_learner_has():
    base = {"learner.alpha": 0.1, "optimiser.epochs": 2}
    runs = expand(study(base=base, grid={ETA: [0.0]}, seeds=(0,), also=[{"learner": "finetune"}]))
    assert runs[0].fields["learner.alpha"] == 0.1
    assert "learner.alpha" not in runs[1].fields
    assert runs[1].fields["optimiser.epochs"] == 2


def test_a_learner_in_the_grid_leaves_out_fields_it_lacks_and_is_not_repeated():
    grid = {"learner": ["charon", "finetune"], "learner.buffer_size": [5, 9]}
    runs = expand(study(grid=grid, seeds=(0,)))
    assert [run.label for run in runs] == [
        "charon eta0.30 s5 M5 seed0",
        "charon eta0.30 s5 M9 seed0",
        "finetune seed0",
    ]


def test_the_released_preset_sets_its_switches():
    (run,) = expand(study(preset="released", base={"data.class_order": "natural"}, seeds=(0,)))
    assert run.fields["argmax"] == "all"
    assert run.fields["data.class_order"] == "natural"


@pytest.mark.parametrize(
    "where",
    [
        {"base": {"learner.maskin_ratio": 0.3}},
        {"grid": {"learner.maskin_ratio": [0.3]}},
        {"also": [{"learner.maskin_ratio": 0.3}]},
    ],
)
def test_a_misspelt_field_is_an_error_that_lists_the_known_ones(where):
    with pytest.raises(ConfigError, match=r"'learner\.maskin_ratio'.*learner\.masking_ratio"):
        expand(study(**where))


def test_a_field_the_only_learner_lacks_is_an_error():
    with pytest.raises(ConfigError, match="alpha"):
        expand(study(base={"learner": "finetune", "learner.alpha": 1.0}))


def test_a_value_out_of_its_range_names_its_field():
    with pytest.raises(ConfigError, match=r"learner\.masking_ratio"):
        expand(study(grid={ETA: [1.0]}))


def test_an_override_replaces_the_base_but_not_what_the_study_varies():
    (run,) = expand(study(base={"learner.alpha": 0.1}, seeds=(0,)), {"learner.alpha": 0.9})
    assert run.fields["learner.alpha"] == 0.9
    with pytest.raises(ConfigError, match="is varied by the study"):
        expand(study(grid={ETA: [0.1]}), {ETA: 0.2})
    with pytest.raises(ConfigError, match="is varied by the study"):
        expand(study(), {"seed": 3})


def test_equal_runs_are_one():
    runs = expand(study(grid={ETA: [0.3]}, seeds=(0,), also=[{ETA: 0.3}]))
    assert len(runs) == 1


def test_the_smaller_study_keeps_the_ends_of_every_axis_and_one_seed():
    small = study(grid={ETA: [0.0, 0.3, 0.9]}, seeds=(2, 3)).smaller()
    assert (small.grid, tuple(small.seeds)) == ({ETA: [0.0, 0.9]}, (2,))


def test_a_grid_reports_the_test_set_and_a_search_selects_on_validation():
    assert study().objective == "test/faa"
    assert study(space={"learner.alpha": Real(0, 1)}).objective == "val/faa"


def test_a_search_refuses_to_select_on_the_test_set():
    with pytest.raises(ConfigError, match="validation metric"):
        study(space={"learner.alpha": Real(0, 1)}, objective="test/faa")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "two words"}, "name"),
        ({"seeds": ()}, "seed"),
        ({"seeds": (1, 1)}, "seed"),
        ({"seeds": (-1,)}, "seed"),
        ({"grid": {ETA: []}}, "at least one value"),
        ({"grid": {ETA: [0.1, 0.1]}}, "all different"),
        ({"grid": {ETA: [0.1]}, "space": {"learner.alpha": Real(0, 1)}}, "two studies"),
        ({"also": [{}], "space": {"learner.alpha": Real(0, 1)}}, "leave `also` out"),
        ({"num_trials": 0}, "num_trials"),
        ({"prune": True}, "Only a search"),
    ],
)
def test_a_wrong_declaration_says_what_is_wrong(changes, message):
    with pytest.raises(ConfigError, match=message):
        study(**changes)


def test_labels_name_what_differs():
    runs = expand(study(grid={"model.attention": ["softmax", "tanh"]}, seeds=(7,)))
    assert runs[1].label == "eta0.30 s5 M500 attention=tanh seed7"


def test_a_choice_needs_different_values():
    with pytest.raises(ConfigError):
        Choice((1, 1))
