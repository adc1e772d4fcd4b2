"""A study as the command line changes it, before its clips are known."""

import errno
import os
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tuning.session.test_options import STUDY

from charon.errors import ConfigError, DataError
from charon.presets import PRESETS
from charon.tuning.session.options import Options, parse_options
from charon.tuning.session.request import Request, make_request, set_fields, with_options
from charon.tuning.study.selection_rules import GTEP
from charon.tuning.study.study import BENCHMARK, ORDER, Study
from charon.tuning.study.trials import expand

SEARCH = runpy.run_path(str(Path(__file__).parents[3] / "studies" / "search.py"))["study"]
GRID = Study("some", "Which?", grid={"learner.alpha": [0.1, 0.2, 0.3]}, seeds=(0, 1))


def chosen(study=SEARCH, **options):
    return with_options(study, Options(**options))


def test_what_is_not_given_stays_as_it_was_declared():
    assert chosen() == SEARCH
    assert chosen(GRID) == GRID


def test_the_command_line_replaces_what_a_search_is_about():
    study = chosen(
        objectives=("val/faa", "memory/bytes"), sampler="nsga2", trials=9, budget="500kB"
    )
    assert (study.objectives, study.sampler) == (("val/faa", "memory/bytes"), "nsga2")
    assert (study.num_trials, study.budget) == (9, "500kB")
    # The study's own pruner needs a single accuracy, so it rests.
    assert (SEARCH.pruner, study.pruner) == ("asha", "none")


def test_a_grid_is_judged_on_the_clips_that_its_runs_are_evaluated_on():
    on_val = {"data.evaluate_on": "val"}
    assert chosen(GRID).objectives == ("test/faa",)
    assert chosen(GRID, settings=on_val).objectives == ("val/faa",)
    assert Study("some", "Which?", base=on_val).objectives == ("val/faa",)


def test_another_learner_brings_its_space():
    study = chosen(settings={"learner": "xder"})
    assert "learner.hinge_weight" in study.space


def test_of_several_protocols_each_run_is_made_under_each():
    study = chosen(GRID, benchmark=("ntu60-xsub", "ntu60-xview"))
    assert study.grid == {BENCHMARK: ("ntu60-xsub", "ntu60-xview"), **GRID.grid}


def test_a_preset_fills_what_the_study_leaves_open():
    assert chosen(GRID).preset == "paper"
    assert chosen(replace(GRID, preset="released")).preset == "released"
    assert chosen(replace(GRID, preset="released"), preset="compact").preset == "compact"
    (run, *_) = expand(chosen(GRID, preset="compact"))
    assert PRESETS["compact"].items() <= run.fields.items()


def test_of_several_class_orders_each_run_is_made_with_each():
    names = ("paper", "shuffled(0)", "shuffled(1)")
    study = chosen(replace(GRID, also=[{"learner": "finetune"}]), class_order=names)
    assert study.grid == {ORDER: names, **GRID.grid}
    assert [run[ORDER] for run in study.also] == list(names)
    with pytest.raises(ConfigError, match=r"data\.class_order is varied by the study 'some'"):
        chosen(replace(GRID, grid={ORDER: ["paper"]}), class_order=names)


def test_a_smoke_run_has_the_ends_of_a_grid_and_two_trials_unless_others_are_asked_for():
    small = chosen(GRID, smoke=True)
    assert (small.grid, small.seeds) == ({"learner.alpha": [0.1, 0.3]}, (0,))
    assert chosen(GRID, smoke=True, seeds=(5, 6)).seeds == (5,)
    assert chosen(smoke=True).num_trials == 2
    assert chosen(smoke=True, trials=5).num_trials == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objectives": ("test/faa",)}, "selecting on the test set"),
        ({"objectives": ("memory/bytes",)}, "val/faa within a --budget"),
        ({"objectives": ("val/faa", "memory/bytes"), "pruner": "asha"}, "--pruner none"),
        ({"settings": {"learner": "er2"}}, "no space for the learner 'er2'"),
        ({"benchmark": ("ntu60-xview", "ntu60-xsub")}, "one data.benchmark, but --benchmark"),
        ({"class_order": ("paper", "natural")}, "one data.class_order, but --class-order"),
    ],
)
def test_a_choice_that_does_not_fit_says_so_in_one_sentence(options, message):
    with pytest.raises(ConfigError, match=message) as error:
        chosen(**options)
    assert "\n" not in str(error.value)


def test_a_search_never_sees_the_test_set_and_a_grid_is_left_as_it_is():
    assert set_fields(SEARCH, Options()) == {"data.evaluate_on": "val"}
    assert set_fields(GRID, Options()) == {}


def test_fields_of_all_runs_are_set_by_name():
    options = Options(data="d", benchmark=("ntu60-xsub",), settings={"learner.beta": 0.5})
    assert set_fields(GRID, options) == {
        "data.path": "d",
        BENCHMARK: "ntu60-xsub",
        "learner.beta": 0.5,
    }
    assert set_fields(GRID, Options(class_order=("1,0",))) == {ORDER: "1,0"}
    # Of several protocols none is that of all runs.
    assert set_fields(GRID, Options(benchmark=("ntu60-xsub", "ntu60-xview"))) == {}


def test_gtep_tunes_on_the_classes_of_ntu60():
    for given in (None, ("auto",)):
        assert set_fields(SEARCH, Options(select=GTEP, benchmark=given))[BENCHMARK] == "ntu60-xview"
    given = Options(select=GTEP, benchmark=("ntu60-xsub",))
    assert set_fields(SEARCH, given)[BENCHMARK] == "ntu60-xsub"
    with pytest.raises(ConfigError, match="tunes under ntu60-xsub or ntu60-xview"):
        set_fields(SEARCH, Options(select=GTEP, benchmark=("ntu120-xset",)))


def test_the_cache_is_where_it_is_asked_for_from_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    script = Path("some.py")
    assert make_request(GRID, Options(cache=Path("mine")), script).cache == tmp_path / "mine"
    assert make_request(GRID, Options(), script).cache == tmp_path / "home" / "charon"


@pytest.fixture
def typed(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["search.py", "--trials", "4", "--data", "my clips"])


def resume_command(options):
    return Request(
        SEARCH, options, {}, Path("studies/search.py"), Path("results"), None
    ).resume_command


def test_it_goes_on_with_what_it_remembers_and_what_is_chosen_anew_is_not_said_again(typed):
    options = Options(data="my clips", confirm_seeds=0)
    assert resume_command(options) == "python studies/search.py --resume"


def test_what_is_to_be_extended_is_not_only_resumed(typed):
    options = Options(extend=2, sampler="cmaes")
    assert resume_command(options) == "python studies/search.py --extend 2"


def test_where_things_are_is_said_again(typed):
    options = Options(results=Path("my results"), cache=Path("c"), address="h:1", tracking_uri="u")
    places = "--results 'my results' --cache c --address h:1 --tracking-uri u"
    assert resume_command(options) == f"python studies/search.py {places} --resume"


def requested(path):
    """Take the first step of a study on these data, named as on the command line."""
    return make_request(STUDY, parse_options(STUDY, ["--data", str(path)]), Path("some.py"))


def test_what_is_there_is_not_opened_and_what_is_not_is_said(tmp_path):
    (tmp_path / "empty.npz").touch()
    requested(tmp_path / "empty.npz")
    requested("standin")
    with pytest.raises(DataError, match=r"gone\.npz does not exist; give a folder or a \.zip"):
        requested(tmp_path / "gone.npz")


def test_a_path_below_a_folder_that_one_may_not_enter_is_said(tmp_path, monkeypatch):
    """Root, who may run the tests, may enter all of them, so the refusal is put there."""
    mine, stat = tmp_path / "closed" / "mine.npz", os.stat

    def refuse(path, *more, **options):
        if Path(path) == mine:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return stat(path, *more, **options)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(DataError, match=rf"^{mine} cannot be read: Permission denied\.$"):
        requested(mine)
