"""The confirm stage: fresh seeds, all training clips, both settings; and how a search is judged."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tuning.search_records import record

from charon.data.protocols import split
from charon.errors import ConfigError
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.records.journal import FINISHED, Journal
from charon.tuning.selection import confirm
from charon.tuning.selection.confirm import confirm_trials, confirmed, confirmed_fields
from charon.tuning.session.options import Options
from charon.tuning.session.planning import PlannedStudy, new_plan
from charon.tuning.session.resume import StudyProgress
from charon.tuning.session.selection_plan import fresh_seeds, plan_selection
from charon.tuning.study import gtep
from charon.tuning.study.fields import complete
from charon.tuning.study.selection_rules import FIRST_TASKS, GTEP, VALIDATION, Rule
from charon.tuning.study.space import Real
from charon.tuning.study.study import Study
from charon.tuning.study.trials import expand

SEARCHED = complete({"learner": "charon", "data.evaluate_on": "val", "seed": 0})
WINNER = complete({**SEARCHED, "learner.alpha": 0.5})
SEARCH = Study("s", "?", base={}, space={"learner.alpha": Real(0.1, 1.0)}, seeds=(0, 1))


def test_fresh_seeds_are_none_of_the_searchs():
    assert fresh_seeds(3, (0, 1)) == (2, 3, 4)
    assert fresh_seeds(3, (1, 3)) == (0, 2, 4)
    assert fresh_seeds(0, (0,)) == ()


def test_both_settings_are_learned_with_every_fresh_seed_and_tested():
    trials = confirm_trials(WINNER, SEARCHED, (2, 3), ["learner.alpha"])
    found = [(t.role, t.fields["learner.alpha"], t.fields["seed"]) for t in trials]
    assert found == [("winner", 0.5, 2), ("paper", 0.3, 2), ("winner", 0.5, 3), ("paper", 0.3, 3)]
    assert {t.fields["data.evaluate_on"] for t in trials} == {"test"}
    assert len({t.label for t in trials}) == 4


def test_nothing_else_of_a_setting_changes():
    changed = {k: v for k, v in confirmed_fields(WINNER, 7).items() if WINNER[k] != v}
    assert changed == {"seed": 7, "data.evaluate_on": "test"}


def test_a_confirming_run_has_all_training_clips(two_bodies):
    evaluated_on = confirmed_fields(WINNER, 7)["data.evaluate_on"]
    whole = split(two_bodies, seed=0)
    cut = split(two_bodies, val_fraction=0.25, seed=0)
    assert evaluated_on == "test"  # under which charon.training.tasks cuts no validation set
    assert len(whole.train) == len(cut.train) + len(cut.val)


def test_where_the_paper_wins_its_setting_is_learned_once():
    trials = confirm_trials(SEARCHED, SEARCHED, (2, 3, 4), ["learner.alpha"])
    assert [t.role for t in trials] == ["winner"] * 3


def test_the_runs_add_up_to_means_of_each_setting():
    faas = {"winner": (60.0, 62.0, 64.0), "paper": (58.0,)}
    records = []
    for role, values in faas.items():
        for number, faa in enumerate(values):
            run = record(f"{role}{number}", [faa], num_tasks=1)
            run.role = role
            run.curve[1]["test/faa"] = faa
            records.append(run)
    records.append(record("winner9", [99.0], num_tasks=2))  # stopped: not counted
    found = confirmed(records)
    assert (found.winner.mean, found.winner.n) == (62.0, 3)
    assert (found.paper.mean, found.paper.n) == (58.0, 1)
    assert confirmed([]).winner is None


def search_in(folder):
    """Return a search that is over, and its clips."""
    about = SimpleNamespace(name="tiny", is_standin=False)
    clips = SimpleNamespace(
        archive=SimpleNamespace(description=about, fingerprint="f"), protocol="given split"
    )
    options = Options(trials=9, hours=2.0, extend=5)
    planned = PlannedStudy(SEARCH, expand(SEARCH), 500, None, [])
    search = ReadyStudy(
        study=SEARCH,
        options=options,
        plan=new_plan(planned, Path("s.py"), options, clips),
        progress=StudyProgress(9, 0, 9),
        trials=[],
        selection=None,
        script=Path("s.py"),
        folder=folder,
        cache=folder,
        store=None,
        data=clips,
        cpus=1.0,
        gpus=0.0,
        slots=1,
        dashboard_url="",
    )
    return search, clips


def test_the_stage_is_a_study_that_goes_on_and_makes_room_for_another_winner(tmp_path):
    search, clips = search_in(tmp_path)

    def stage_of(winner):
        trials = confirm_trials(winner, SEARCHED, (2, 3), ["learner.alpha"])
        stage = confirm.confirm_study(search, trials, (2, 3), clips)
        stage.plan.write(stage.folder)
        return stage

    stage = stage_of(WINNER)
    assert (stage.plan.name, stage.plan.objectives) == ("s_confirm", ("test/faa",))
    assert (stage.plan.num_trials, stage.plan.hours, stage.plan.budget) == (4, None, None)
    assert (stage.plan.space, stage.plan.sampler, stage.plan.pruner) == ({}, "", "none")
    assert stage.options.extend is None
    journal = Journal(stage.folder / "journal.jsonl")
    journal.append("trial", "a", label="winner", fields={"seed": 2}, tags={})
    journal.append("end", "a", outcome=FINISHED)
    again = stage_of(WINNER)
    assert (again.plan.key, again.progress) == (stage.plan.key, StudyProgress(1, 0, 4))
    other = stage_of(complete({**SEARCHED, "learner.alpha": 0.7}))
    assert other.plan.key != stage.plan.key
    assert other.progress.done == 0
    assert len(list(tmp_path.glob("confirm-*/journal.jsonl"))) == 1


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
    fields = complete({**SEARCHED, "data.benchmark": gtep.tuning_benchmark(None)})
    assert fields["data.benchmark"] == "ntu60-xview"
    found = judged(fields, select=GTEP)
    assert (found.rule, found.benchmark) == (Rule(GTEP), "ntu120new-xset")
    (trial, *_) = confirm_trials(WINNER, fields, (2,), ["learner.alpha"], found.benchmark)
    assert trial.fields["data.benchmark"] == "ntu120new-xset"
    assert gtep.tuning_benchmark(["ntu60-xsub"]) == "ntu60-xsub"


@pytest.mark.parametrize(
    ("num_classes", "is_ntu", "message"),
    [(60, True, "60 classes of NTU-60"), (20, False, "20 classes of its own")],
)
def test_gtep_without_the_classes_of_ntu120_is_one_sentence(num_classes, is_ntu, message):
    fields = complete({**SEARCHED, "data.benchmark": "ntu60-xview"})
    with pytest.raises(ConfigError, match=f"{message}; take NTU RGB"):
        judged(fields, num_classes=num_classes, is_ntu=is_ntu, select=GTEP)


def test_gtep_under_another_protocol_is_one_sentence():
    for given in (["ntu120-xset"], ["ntu60-xsub", "ntu60-xview"]):
        with pytest.raises(ConfigError, match="tunes under ntu60-xsub or ntu60-xview"):
            gtep.tuning_benchmark(given)


def test_a_search_cannot_be_made_to_see_the_test_set():
    with pytest.raises(ConfigError, match=r"data\.evaluate_on cannot be set"):
        judged({**SEARCHED, "data.evaluate_on": "test"})
