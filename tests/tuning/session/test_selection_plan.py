"""How a search is judged, planned on its data."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from charon.errors import ConfigError
from charon.tuning.session.options import Options
from charon.tuning.session.selection_plan import plan_selection
from charon.tuning.study.fields import complete
from charon.tuning.study.selection_rules import (
    FIRST_TASKS,
    GTEP,
    VALIDATION,
    Rule,
    tuning_benchmark,
)
from charon.tuning.study.space import Real
from charon.tuning.study.study import Study

SEARCHED = complete({"learner": "charon", "data.evaluate_on": "val", "seed": 0})
SEARCH = Study("s", "?", base={}, space={"learner.alpha": Real(0.1, 1.0)}, seeds=(0, 1))


def judged(fields=SEARCHED, num_tasks=6, num_classes=120, is_ntu=True, study=SEARCH, **options):
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


def test_the_number_of_seeds_and_of_first_tasks_can_be_chosen():
    assert judged(confirm_seeds=0).seeds == ()
    assert judged(confirm_seeds=5, smoke=True).seeds == (2,)
    assert judged(select=FIRST_TASKS, first_tasks=4).rule == Rule(FIRST_TASKS, 4)


def test_a_search_for_less_forgetting_needs_two_tasks():
    study = replace(SEARCH, objectives=("val/faa", "val/forgetting"))
    judged(study=study)
    joint = complete({**SEARCHED, "data.stream": "joint"})
    for stream in ({"num_tasks": 1}, {"fields": joint}):
        with pytest.raises(ConfigError, match="not defined on a stream of one task"):
            judged(study=study, **stream)


def test_gtep_confirms_on_the_classes_that_the_search_has_not_seen():
    fields = complete({**SEARCHED, "data.benchmark": tuning_benchmark(None)})
    assert fields["data.benchmark"] == "ntu60-xview"
    found = judged(fields, select=GTEP)
    assert (found.rule, found.benchmark) == (Rule(GTEP), "ntu120new-xset")
    assert tuning_benchmark(["ntu60-xsub"]) == "ntu60-xsub"


@pytest.mark.parametrize(
    ("num_classes", "is_ntu", "message"),
    [(60, True, "60 classes of NTU-60"), (20, False, "20 classes of its own")],
)
def test_gtep_without_the_classes_of_ntu120_is_one_sentence(num_classes, is_ntu, message):
    fields = complete({**SEARCHED, "data.benchmark": "ntu60-xview"})
    with pytest.raises(ConfigError, match=f"{message}; take NTU RGB"):
        judged(fields, num_classes=num_classes, is_ntu=is_ntu, select=GTEP)


def test_a_search_cannot_be_made_to_see_the_test_set():
    with pytest.raises(ConfigError, match=r"data\.evaluate_on cannot be set"):
        judged({**SEARCHED, "data.evaluate_on": "test"})
