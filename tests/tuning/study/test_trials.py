"""A study is expanded into an ordered list of complete, checked runs."""

import pytest

from charon.errors import ConfigError
from charon.tuning.study.scales import AtMost
from charon.tuning.study.space import MaskingRatio, Real
from charon.tuning.study.study import Study
from charon.tuning.study.trials import expand

ETA = "learner.masking_ratio"


SPACE = {"learner.alpha": Real(0, 1)}


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
        {"space": {"learner.maskin_ratio": Real(0, 1)}},
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


def test_a_field_that_the_searched_learner_lacks_is_an_error():
    with pytest.raises(ConfigError, match=r"The space of .* names 'learner\.alpha'"):
        expand(study(base={"learner": "er"}, space=SPACE))


def test_a_search_begins_with_the_papers_setting_at_its_scale():
    space = {"optimiser.learning_rate": Real(0.01, 1), ETA: MaskingRatio(0, 0.9)}
    (run,) = expand(study(space=space), scaled={"optimiser.learning_rate": 0.2})
    assert (run.fields["optimiser.learning_rate"], run.fields[ETA]) == (0.2, 0.3)


METHODS = [{"learner": "finetune"}, {"learner": "finetune", "data.stream": "joint"}]


def test_every_case_is_run_at_every_point_that_it_has_the_fields_for():
    cases = [*METHODS, {"learner": "er"}, {"learner": "charon"}]
    runs = expand(study(cases=cases, grid={"learner.buffer_size": [72, 288]}, seeds=(0, 1)))
    assert [run.label for run in runs][:6] == [
        "finetune seed0",
        "finetune joint seed0",
        "er s1 M72 seed0",
        "er s1 M288 seed0",
        "charon eta0.30 s5 M72 seed0",
        "charon eta0.30 s5 M288 seed0",
    ]
    assert len(runs) == 12


def test_what_a_scale_sets_is_below_the_command_line_and_the_study():
    cases = [{"learner": "er"}, {"learner": "charon"}, {"learner": "finetune"}]
    scaled = {"learner.sampling_interval": AtMost(2), "optimiser.epochs": 3, "learner.beta": 0.1}
    runs = expand(study(cases=cases, seeds=(0,)), scaled=scaled)
    assert [run.fields.get("learner.sampling_interval") for run in runs] == [1, 2, None]
    assert [run.fields["optimiser.epochs"] for run in runs] == [3, 3, 3]
    assert [run.fields.get("learner.beta") for run in runs] == [None, 0.1, None]
    runs = expand(
        study(cases=cases, grid={"learner.sampling_interval": [7]}, seeds=(0,)),
        {"optimiser.epochs": 4},
        scaled,
    )
    assert [run.fields.get("learner.sampling_interval") for run in runs] == [7, 7, None]
    assert {run.fields["optimiser.epochs"] for run in runs} == {4}
    # The scale replaces what the base says, but an interval only by a smaller one.
    (run,) = expand(
        study(base={"learner.sampling_interval": 1, "optimiser.epochs": 9}, seeds=(0,)),
        scaled=scaled,
    )
    assert run.fields["learner.sampling_interval"] == 1
    assert run.fields["optimiser.epochs"] == 3


def test_what_a_case_varies_cannot_be_set():
    with pytest.raises(ConfigError, match="varied"):
        expand(study(cases=METHODS, seeds=(0,)), {"data.stream": "joint"})


def test_labels_name_what_differs():
    runs = expand(study(grid={"model.attention": ["softmax", "tanh"]}, seeds=(7,)))
    assert runs[1].label == "eta0.30 s5 M500 attention=tanh seed7"


def test_a_label_names_only_what_its_case_sets():
    cases = [{}, {"learner.rebuild": "resize"}, {"argmax": "all"}]
    runs = expand(study(cases=cases, seeds=(0,)))
    assert [run.label for run in runs] == [
        "eta0.30 s5 M500 seed0",
        "eta0.30 s5 M500 rebuild=resize seed0",
        "eta0.30 s5 M500 argmax=all seed0",
    ]


def test_a_label_says_of_many_fields_only_how_many_more_there_are():
    case = {
        "argmax": "all",
        "learner.rebuild": "resize",
        "learner.replay_draws": 2,
        "learner.refresh": "new",
        "learner.gamma": 0.1,
        "learner.beta": 0.2,
    }
    (run,) = expand(study(cases=[case], seeds=(0,)))
    assert (
        run.label == "eta0.30 s5 M500 argmax=all rebuild=resize replay_draws=2 refresh=new +2 seed0"
    )


SIZE, BYTES = "learner.buffer_size", "learner.buffer_bytes"


def sizes(study, overrides=None, scaled=None):
    return [(t.fields[SIZE], t.fields[BYTES]) for t in expand(study, overrides, scaled)]


def test_bytes_stand_in_place_of_the_buffer_size_and_the_other_way_round():
    """Of base, scale, command line and cases, what comes later replaces what came before."""
    cases = [{SIZE: 9}, {BYTES: 5000}]
    assert sizes(study(cases=cases, seeds=(0,))) == [(9, None), (None, 5000)]
    assert sizes(study(base={SIZE: 7}, cases=cases, seeds=(0,)))[1] == (None, 5000)
    base = study(base={BYTES: 5000}, grid={"learner.alpha": [0.1]}, seeds=(0,))
    assert sizes(base) == sizes(base, scaled={SIZE: 3}) == [(None, 5000)]
    assert sizes(base, {SIZE: 7}) == [(7, None)]
    assert sizes(study(grid={BYTES: [10, 20]}, seeds=(0,)), scaled={SIZE: 3}) == [
        (None, 10),
        (None, 20),
    ]


def test_the_label_of_a_run_names_its_bytes_and_no_buffer_size():
    labels = [t.label for t in expand(study(grid={BYTES: [5000]}, cases=[{SIZE: None}]))]
    assert all("buffer_bytes=5000" in label and "M" not in label for label in labels)


def test_a_long_value_is_shortened_so_that_labels_still_differ():
    orders = [",".join(map(str, range(60))), ",".join(map(str, (*range(58), 59, 58)))]
    runs = expand(study(grid={"data.class_order": orders}))
    one, other = (run.label for run in runs[:2])
    assert one.startswith("eta0.30 s5 M500 0,1,2,3,4,5,6,7,8,9,… ")
    assert one != other
    assert len(one) < 70


def test_runs_that_differ_in_what_a_label_only_counts_are_called_by_all_of_it():
    fields = ["alpha", "beta", "gamma", "replay_draws", "refresh_rotation", "probe_rotation"]
    one = {f"learner.{name}": 1 for name in fields[:4]}
    cases = [{**one, f"learner.{fields[place]}": True} for place in (4, 5)]
    first, second = expand(Study("some", "Which?", cases=cases, seeds=(0,)))
    assert "refresh_rotation=True" in first.label
    assert "probe_rotation=True" in second.label


def test_a_study_has_no_more_runs_than_its_folder_keeps(monkeypatch):
    """Runs count as they are: those of learners without the field are one."""
    monkeypatch.setattr("charon.tuning.study.trials.MOST_RUNS", 6)
    cases = [{"learner": "charon"}, {"learner": "er"}, {"learner": "derpp"}]
    assert len(expand(study(cases=cases, grid={ETA: [0.0]}))) == 6
    with pytest.raises(ConfigError, match="'some' has more than 6 runs"):
        expand(study(cases=cases, grid={ETA: [0.0, 0.1]}))
    assert len(expand(study(grid={ETA: [0.0, 0.1, 0.2, 0.3]}).smaller())) == 2
