"""A search made to fit the command line and the clips, before Ray starts."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from charon.data.source import Description
from charon.errors import ConfigError
from charon.tuning.session.options import Options
from charon.tuning.session.planning import (
    ORDER,
    plan_trials,
    possible_trials,
)
from charon.tuning.session.request import with_options
from charon.tuning.study.space import Choice, MaskingRatio, Real, Whole
from charon.tuning.study.study import SIZE, Study
from charon.tuning.study.trials import PlannedTrial

SEARCH = runpy.run_path(str(Path(__file__).parents[3] / "studies" / "search.py"))["study"]
GRID = Study("some", "Which?", grid={"learner.alpha": [0.1, 0.2]})
ORDERS = Study("some", "Which?", cases=[{ORDER: "natural"}, {ORDER: "paper"}])


def clips(num_clips=1680, num_frames=120):
    about = SimpleNamespace(parts={"left": (0, 1), "right": (2, 3, 4)})
    tasks = SimpleNamespace(
        num_training_clips=num_clips, clip_shape=(3, num_frames, 25, 2), num_classes=60
    )
    return SimpleNamespace(tasks=tasks, archive=SimpleNamespace(description=about))


def planned(study=SEARCH, *, num_clips=1680, **options):
    given = Options(**options)
    chosen = {"data.evaluate_on": "val", **given.settings}
    return plan_trials(with_options(study, given), given, chosen, clips(num_clips))


def test_at_the_papers_scale_the_first_trial_is_the_papers_setting():
    study, (start,), budget = planned(scale="paper", num_clips=33_000)
    assert (start.fields["learner.masking_ratio"], start.fields[SIZE]) == (0.3, 500)
    assert study.space[SIZE] == Whole(100, 2000, log=True)
    assert study.space["learner.masking_ratio"].tuples == 20
    # 2,500 clips of 24 frames, 60 logits, a label and two presence flags.
    assert budget == 2500 * (3 * 24 * 25 * 2 * 4 + 60 * 4 + 8 + 2)


def test_at_the_small_scale_frames_tuples_and_buffers_shrink_and_the_start_with_them():
    study, (start,), budget = planned()
    assert start.fields["learner.sampling_interval"] == 2
    assert study.space["learner.sampling_interval"].values == (1, 2, 5)
    assert study.space["learner.masking_ratio"].tuples == 10
    # At most 30 % of the clips for the largest buffer at the start's interval; one factor.
    assert study.space[SIZE] == Whole(13, 252, log=True)
    assert start.fields[SIZE] == 63
    assert budget == 126 * (3 * 5 * 25 * 2 * 4 + 60 * 4 + 8 + 2)


def test_a_search_of_another_learner_begins_with_it():
    _, (start,), _ = planned(settings={"learner": "xder"})
    assert start.fields["learner"] == "xder"


def test_a_method_without_a_memory_is_within_any_budget():
    assert planned(settings={"learner": "finetune"})[2] == 0


def test_a_budget_is_a_number_of_bytes_or_none():
    assert planned(budget="500kB")[2] == 500_000
    assert planned(budget="none")[2] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objectives": ("val/faa", "memory/bytes"), "sampler": "cmaes"}, "one objective"),
        ({"budget": "100kB"}, "begins with a memory of 409.5 kB .* over the --budget of 100 kB"),
        ({"num_clips": 20, "budget": "none", "scale": "paper"}, "nothing need be forgotten"),
        ({"settings": {"learner.alpha": 0.5}}, "varied by the study"),
    ],
)
def test_a_search_that_cannot_be_says_so_in_one_sentence(options, message):
    with pytest.raises(ConfigError, match=message) as error:
        planned(**options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"learner.elastic": Real(0, 1)}, r"space of .*'learner\.elastic'"),
        ({"learner.masking": Choice(("random", "most"))}, "masking must be one of"),
        ({"learner.alpha": Real(0.5, 1.0)}, r"begins with learner\.alpha=0\.3"),
        ({"learner.masking_ratio": MaskingRatio(0.31, 0.39)}, "keep at most one number"),
        ({"learner.sampling_interval": Choice((2, 10))}, r"Choice.*sampling_interval < 10"),
    ],
)
def test_a_bad_space_says_so_in_one_sentence(space, message):
    study = Study("some", "Which?", space=space)
    with pytest.raises(ConfigError, match=message) as error:
        planned(study)
    assert "\n" not in str(error.value)


def test_cmaes_refuses_choices():
    study = Study("some", "Which?", space={"learner.masking": Choice(("random", "deterministic"))})
    with pytest.raises(ConfigError, match=r"learner\.masking is a choice"):
        planned(study, sampler="cmaes")


def test_a_grid_takes_no_budget():
    study, trials, budget = planned(GRID)
    assert (study.pruner, len(trials), budget) == ("none", 4, None)


def ordered(*orders, study=ORDERS):
    """Plan the study on data whose classes have no published order."""
    about = Description("tiny", ("a", "b"), 4, 1, 3, 1)
    data = SimpleNamespace(archive=SimpleNamespace(description=about))
    trials = [PlannedTrial(order, {ORDER: order}) for order in orders]
    possible, why = possible_trials(study, trials, data)
    return [trial.label for trial in possible], why


def test_cases_whose_class_order_the_data_lack_are_left_out_and_named():
    assert ordered("natural", "shuffled(7)") == (["natural", "shuffled(7)"], "")
    kept, why = ordered("natural", "paper", "released")
    assert kept == ["natural"]
    assert why.startswith("2 runs left out on this data: The class order `released` orders the 60")


def test_a_class_order_of_all_runs_that_the_data_lack_is_an_error():
    with pytest.raises(ConfigError, match="choose `natural`"):
        ordered("paper", study=GRID)
