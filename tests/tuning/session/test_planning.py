"""A search made to fit the command line and the clips, before Ray starts."""

import runpy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from charon.data.source import Description
from charon.errors import ConfigError
from charon.tuning.session.memory import memory_size
from charon.tuning.session.options import Options
from charon.tuning.session.planning import (
    INTERVAL,
    ORDER,
    plan_selection,
    plan_trials,
    possible_trials,
)
from charon.tuning.session.request import with_options
from charon.tuning.study.fields import complete
from charon.tuning.study.selection_rules import (
    FIRST_TASKS,
    GTEP,
    VALIDATION,
    Rule,
)
from charon.tuning.study.space import Choice, MaskingRatio, Real, Whole
from charon.tuning.study.study import BYTES, SIZE, Study
from charon.tuning.study.trials import PlannedTrial

SEARCH = runpy.run_path(str(Path(__file__).parents[3] / "studies" / "search.py"))["study"]
GRID = Study("some", "Which?", grid={"learner.alpha": [0.1, 0.2]})
ORDERS = Study("some", "Which?", cases=[{ORDER: "natural"}, {ORDER: "paper"}])


def clips(num_clips=1680, num_frames=120):
    parts = {"left": (0, 1), "right": (2, 3, 4)}
    about = SimpleNamespace(parts=parts, bones=(), is_ntu=True, class_names=("x",) * 60)
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


def possible(study, *runs):
    """Plan runs of 10 frames on data whose classes have no published order."""
    about = Description("tiny", ("a", "b"), 4, 1, 3, 1)
    data = SimpleNamespace(archive=SimpleNamespace(description=about))
    frames = {"data.num_frames": 10, "model.frames_per_tuple": 1}
    trials = [PlannedTrial(str(i), {**frames, **run}) for i, run in enumerate(runs)]
    kept, notices = possible_trials(study, trials, data)
    return [trial.label for trial in kept], notices


def ordered(*orders, study=ORDERS):
    return possible(study, *({ORDER: order} for order in orders))


@pytest.mark.parametrize(
    "study", [ORDERS, Study("some", "Which?", grid={ORDER: ["natural", "paper"]})]
)
def test_runs_whose_class_order_the_data_lack_are_left_out_and_named(study):
    assert ordered("natural", "shuffled(7)", study=study) == (["0", "1"], [])
    kept, (why,) = ordered("natural", "paper", "released", study=study)
    assert kept == ["0"]
    assert why.startswith("2 runs left out on this data: The class order `released` orders the 60")


def test_a_class_order_of_all_runs_that_the_data_lack_is_an_error():
    with pytest.raises(ConfigError, match="choose `natural`"):
        ordered("paper", study=GRID)
    with pytest.raises(ConfigError, match=r"2 runs left out .* choose `natural`"):
        ordered("paper", "released")


INTERVALS = Study("some", "Which?", grid={INTERVAL: [1, 2, 5, 10]}, seeds=(0,))


def test_runs_whose_sampling_interval_leaves_one_frame_are_left_out_and_named():
    runs = [{INTERVAL: 5}, {INTERVAL: 10}, {INTERVAL: 20}, {"learner": "finetune"}]
    kept, (why,) = possible(INTERVALS, *runs)
    assert kept == ["0", "3"]
    assert why == (
        "2 runs left out on this data: learner.sampling_interval < 10 (the frames of a clip) must "
        "hold, but got learner.sampling_interval=20."
    )
    with pytest.raises(ConfigError, match=r"sampling_interval < 10"):
        possible(GRID, {INTERVAL: 10})


def test_a_run_that_is_left_out_does_not_count_for_the_size_of_the_memory():
    # Of 10 frames s=5 stores 2, so 20 whole clips have the bytes of 100.
    share = replace(INTERVALS, small_memory_share=0.1)
    _, trials, _ = planned(share, num_clips=1000)
    assert {trial.fields[SIZE] for trial in trials} == {20}
    _, trials, _ = planned(replace(share, small_memory_share=1.0), num_clips=1000)
    assert {trial.fields[SIZE] for trial in trials} == {200}


FIELDS = complete({"learner": "charon", "data.evaluate_on": "val", "seed": 0})
JUDGED = Study("s", "?", base={}, space={"learner.alpha": Real(0.1, 1.0)}, seeds=(0, 1))


def judged(fields=FIELDS, num_tasks=6, num_classes=120, is_ntu=True, study=JUDGED, **options):
    about = SimpleNamespace(is_ntu=is_ntu, class_names=("x",) * num_classes)
    clips = SimpleNamespace(
        tasks=SimpleNamespace(tasks=[None] * num_tasks),
        archive=SimpleNamespace(source="some.npz", description=about),
    )
    return plan_selection(study, Options(**options), fields, clips)


def test_by_default_validation_selects_and_three_fresh_seeds_confirm():
    found = judged()
    assert (found.rule, found.first_tasks) == (Rule(VALIDATION), 2)
    assert (found.seeds, found.benchmark) == ((2, 3, 4), None)
    assert judged(num_tasks=12).first_tasks == 3
    assert judged(study=replace(JUDGED, seeds=(1, 3))).seeds == (0, 2, 4)


def test_the_number_of_seeds_and_of_first_tasks_can_be_chosen():
    assert judged(confirm_seeds=0).seeds == ()
    assert judged(confirm_seeds=5, smoke=True).seeds == (2,)
    assert judged(select=FIRST_TASKS, first_tasks=4).rule == Rule(FIRST_TASKS, 4)


def test_a_search_for_less_forgetting_needs_two_tasks():
    study = replace(JUDGED, objectives=("val/faa", "val/forgetting"))
    judged(study=study)
    joint = complete({**FIELDS, "data.stream": "joint"})
    for stream in ({"num_tasks": 1}, {"fields": joint}):
        with pytest.raises(ConfigError, match="not defined on a stream of one task"):
            judged(study=study, **stream)


def test_gtep_confirms_on_the_classes_that_the_search_has_not_seen():
    fields = complete({**FIELDS, "data.benchmark": "ntu60-xview"})
    found = judged(fields, select=GTEP)
    assert (found.rule, found.benchmark) == (Rule(GTEP), "ntu120new-xset")
    with pytest.raises(ConfigError, match="but the benchmark is auto"):
        judged(select=GTEP)


@pytest.mark.parametrize(
    ("num_classes", "is_ntu", "message"),
    [(60, True, "60 classes of NTU-60"), (20, False, "20 classes of its own")],
)
def test_gtep_without_the_classes_of_ntu120_is_one_sentence(num_classes, is_ntu, message):
    fields = complete({**FIELDS, "data.benchmark": "ntu60-xview"})
    with pytest.raises(ConfigError, match=f"{message}; take NTU RGB"):
        judged(fields, num_classes=num_classes, is_ntu=is_ntu, select=GTEP)


def test_a_search_cannot_be_made_to_see_the_test_set():
    with pytest.raises(ConfigError, match=r"data\.evaluate_on cannot be set"):
        judged({**FIELDS, "data.evaluate_on": "test"})


@pytest.mark.parametrize(("name", "share"), [("sampling_interval", 0.3), ("bytes", 1.0)])
def test_memories_of_m_and_of_bytes_shrink_each_by_one_factor(name, share):
    declared = runpy.run_path(str(Path(__file__).parents[3] / "studies" / f"{name}.py"))["study"]
    _, trials, _ = planned(replace(declared, seeds=(0,)))
    data, most = clips(), {SIZE: 0, BYTES: 0}
    values = {SIZE: set(), BYTES: set()}
    for trial in possible_trials(declared, trials, data)[0]:
        acts = SIZE if trial.fields[BYTES] is None else BYTES
        assert (trial.fields[SIZE] is None) == (acts == BYTES)
        values[acts].add(trial.fields[acts])
        most[acts] = max(most[acts], memory_size(data, trial.fields)[0])
    for acts, sizes in values.items():
        if sizes:
            assert 0.95 * share * 1680 < most[acts] <= share * 1680
            ends = (4 if name == "sampling_interval" else 16) * min(sizes)
            assert max(sizes) == pytest.approx(ends, rel=0.01)
