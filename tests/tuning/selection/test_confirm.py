"""The confirm stage: fresh seeds, all training clips, both settings."""

from pathlib import Path
from types import SimpleNamespace

from tuning.search_records import record

from charon.data.protocols import split
from charon.tuning.execution.ready import ReadyStudy
from charon.tuning.records.journal import FINISHED, Journal
from charon.tuning.selection import confirm
from charon.tuning.selection.confirm import confirm_trials, confirmed, confirmed_fields
from charon.tuning.session.options import Options
from charon.tuning.session.planning import PlannedStudy, new_plan
from charon.tuning.session.resume import StudyProgress
from charon.tuning.study.fields import complete
from charon.tuning.study.space import Real
from charon.tuning.study.study import Study
from charon.tuning.study.trials import expand

SEARCHED = complete({"learner": "charon", "data.evaluate_on": "val", "seed": 0})
WINNER = complete({**SEARCHED, "learner.alpha": 0.5})
SEARCH = Study("s", "?", base={}, space={"learner.alpha": Real(0.1, 1.0)}, seeds=(0, 1))


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
    assert (found["winner"]["mean"], found["winner"]["n"]) == (62.0, 3)
    assert (found["paper"]["mean"], found["paper"]["n"]) == (58.0, 1)
    assert confirmed([]) == {"winner": None, "paper": None}


def search_in(folder):
    """Return a search that is over, and its clips."""
    about = SimpleNamespace(name="tiny", is_standin=False)
    clips = SimpleNamespace(
        archive=SimpleNamespace(description=about, fingerprint="f"), protocol="given split"
    )
    options = Options(trials=9, hours=2.0, extend=5)
    planned = PlannedStudy(SEARCH, expand(SEARCH), 500, None, [])
    search = ReadyStudy(
        **vars(planned),
        options=options,
        plan=new_plan(planned, Path("s.py"), options, clips),
        journal=Journal(folder / "journal.jsonl"),
        progress=StudyProgress(9, 0, 9),
        script=Path("s.py"),
        folder=folder,
        cache=folder,
        store=None,
        data=clips,
        cpus=1.0,
        gpus=0.0,
        slots=1,
        dashboard_url="",
        check=lambda: None,
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


def test_a_search_under_gtep_is_confirmed_on_the_classes_it_has_not_seen():
    trials = confirm_trials(WINNER, SEARCHED, (2,), ["learner.alpha"], "ntu120new-xset")
    assert {trial.fields["data.benchmark"] for trial in trials} == {"ntu120new-xset"}
