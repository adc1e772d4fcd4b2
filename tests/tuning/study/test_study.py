"""A study is expanded into an ordered list of complete, checked runs."""

import pytest

from charon.errors import ConfigError
from charon.tuning.study.space import Choice, Real, Whole
from charon.tuning.study.study import (
    WHAT_IS_MEASURED,
    Study,
    for_learner,
    with_small_buffers,
    with_small_bytes,
)

ETA = "learner.masking_ratio"
SPACE = {"learner.alpha": Real(0, 1)}


def study(**changes):
    given = {"name": "some", "question": "Which?", "seeds": (0, 1), **changes}
    return Study(**given)


def test_the_smaller_study_keeps_the_ends_of_every_axis_and_one_seed():
    small = study(grid={ETA: [0.0, 0.3, 0.9]}, seeds=(2, 3)).smaller()
    assert (small.grid, tuple(small.seeds)) == ({ETA: [0.0, 0.9]}, (2,))


def test_a_grid_reports_the_test_set_and_a_search_selects_on_validation():
    assert study().objectives == ("test/faa",)
    assert study(space={"learner.alpha": Real(0, 1)}).objectives == ("val/faa",)


def test_a_search_refuses_to_select_on_the_test_set():
    with pytest.raises(ConfigError, match="validation metric"):
        study(space={"learner.alpha": Real(0, 1)}, objectives=["test/faa"])


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
        ({"small_memory_share": 0.0}, "small_memory_share <= 1"),
        ({"small_memory_share": 1.5}, "small_memory_share <= 1"),
        ({"pruner": "asha"}, "Only a search"),
        ({"budget": "1MB"}, "Only a search"),
        ({"objectives": ["test/faa", "memory/bytes"]}, "Only a search"),
        ({"objectives": ["test/fa"]}, "known are val/faa"),
        ({"space": SPACE, "sampler": "best"}, "known are tpe"),
        ({"space": SPACE, "pruner": "best"}, "known are none"),
        ({"space": SPACE, "budget": "much"}, "number of bytes"),
        ({"space": SPACE, "objectives": ["memory/bytes"]}, "a configuration that learns nothing"),
        ({"space": SPACE, "objectives": ["val/faa", "memory/bytes"], "pruner": "asha"}, "one acc"),
        ({"space": SPACE, "objectives": ["val/faa", "val/faa"]}, "named once"),
        ({"space": {"seed": Choice((0, 1))}}, "one seed"),
        ({"space": {"learner": Choice(("er", "charon"))}}, "one learner"),
        *(({"space": {name: Choice((1, 2))}}, f"{name} are measured") for name in WHAT_IS_MEASURED),
    ],
)
def test_a_wrong_declaration_says_what_is_wrong(changes, message):
    with pytest.raises(ConfigError, match=message):
        study(**changes)


def test_another_learner_takes_its_own_space():
    one = study(space=SPACE, spaces={"er": {"learner.buffer_size": Whole(1, 9)}})
    assert for_learner(one, "charon").space == SPACE
    assert for_learner(one, "er").space == one.spaces["er"]
    with pytest.raises(ConfigError, match="'der'; it has spaces for charon, er"):
        for_learner(one, "der")


def test_searched_buffer_sizes_shrink_by_one_factor():
    sizes = {"learner.buffer_size": Whole(100, 2000)}
    small, start = with_small_buffers(study(space=sizes), 200, 500)
    assert (small.space["learner.buffer_size"], start) == (Whole(10, 200), 50)
    choices = {"learner.buffer_size": Choice((100, 500, 2000))}
    small, start = with_small_buffers(study(space=choices), 200, 500)
    assert (small.space["learner.buffer_size"], start) == (Choice((10, 50, 200)), 50)
    assert with_small_buffers(study(space=SPACE), 200, 500) == (study(space=SPACE), 200)


@pytest.mark.parametrize(
    ("sizes", "largest", "small"),
    [([500, 2000], 288, (72, 288)), ([500, 2000], 5000, (500, 2000)), ([1, 2000], 10, (1, 10))],
)
def test_buffer_sizes_of_a_grid_keep_their_ratio(sizes, largest, small):
    grid = {"learner.buffer_size": sizes}
    found, other = with_small_buffers(study(grid=grid), largest, sizes[0])
    assert (found.grid["learner.buffer_size"], other) == (small, largest)


def test_a_range_of_buffers_that_shrinks_to_one_value_names_its_field():
    for sizes in (Whole(100, 2000, log=True), Choice((100, 2000))):
        with pytest.raises(ConfigError, match=r"at most 1 clips.* learner\.buffer_size; search"):
            with_small_buffers(study(space={"learner.buffer_size": sizes}), 1, 500)


@pytest.mark.parametrize(
    "where",
    [
        {"cases": [{ETA: 0.1}], "grid": {ETA: [0.2]}},
        {"cases": [{ETA: 0.1}], "space": {"learner.alpha": Real(0.1, 1)}},
    ],
)
def test_cases_stand_beside_a_grid_of_other_fields_and_no_space(where):
    with pytest.raises(ConfigError):
        study(**where)


def test_buffer_sizes_of_cases_shrink_with_those_of_the_grid():
    cases = [{"learner.buffer_size": 500}, {"learner.buffer_size": 2000}, {"learner": "finetune"}]
    found, _ = with_small_buffers(study(cases=cases, also=cases[:1]), 200, 500)
    assert found.cases == (
        {"learner.buffer_size": 50},
        {"learner.buffer_size": 200},
        {"learner": "finetune"},
    )
    assert found.also == ({"learner.buffer_size": 50},)


def test_bytes_shrink_wherever_a_study_names_them():
    name = "learner.buffer_bytes"
    made = study(
        base={name: 1000},
        cases=[{name: 300}, {"learner": "finetune"}],
        also=[{"learner": "er", name: 3}],
    )
    found = with_small_bytes(made, 0.1)
    assert (found.base, found.cases) == ({name: 100}, ({name: 30}, {"learner": "finetune"}))
    assert found.also == ({"learner": "er", name: 1},)
    assert with_small_bytes(study(grid={name: [10, 500]}), 0.1).grid == {name: [1, 50]}
    space = {name: Whole(100, 2000, log=True)}
    assert with_small_bytes(study(space=space), 0.1).space == {name: Whole(10, 200, log=True)}
    space = {name: Choice((100, 2000))}
    assert with_small_bytes(study(space=space), 0.1).space == {name: Choice((10, 200))}
