"""What a resumed study remembers and refuses, and what happens to one that is over."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from charon.errors import ConfigError
from charon.tuning.records.folder import ResultsError
from charon.tuning.records.journal import FAILED, FINISHED, INTERRUPTED, PRUNED, Journal
from charon.tuning.records.plan import read_plan
from charon.tuning.session.options import Options
from charon.tuning.session.planning import PlannedStudy, new_plan
from charon.tuning.session.resume import (
    check_same,
    extended_plan,
    make_room,
    progress_of,
    restore_options,
)
from charon.tuning.study.space import Real
from charon.tuning.study.study import Study
from charon.tuning.study.trials import expand

GO_ON = "python some.py --resume"
STUDY = Study("some", "Which?", grid={"learner.masking_ratio": [0.0, 0.5]}, seeds=(0,))


def plan(study=STUDY, options=None, fields=None, **changes):
    """Return the plan of a study that began without a budget, changed as asked."""
    about = SimpleNamespace(name="tiny", is_standin=False)
    archive = SimpleNamespace(description=about, fingerprint="f")
    clips = SimpleNamespace(archive=archive, protocol="given split")
    planned = PlannedStudy(study, expand(study, fields), None, None, [])
    began = new_plan(planned, Path("some.py"), options or Options(), clips)
    return replace(began, **changes)


def test_a_plan_remembers_the_command_as_it_was_typed(monkeypatch):
    monkeypatch.setattr("sys.argv", ["some.py", "--trials", "4", "--data", "my clips"])
    assert plan().command == "python some.py --trials 4 --data 'my clips'"


def test_a_resumed_study_takes_over_what_is_not_given_again():
    options = Options(data="d", seeds=(1, 2), settings={"learner.alpha": 0.5}, cpus=2.0)
    assert restore_options(Options(resume=True), plan(options=options)) == replace(
        options, resume=True
    )


def test_a_zero_that_is_given_again_counts():
    old = Options(confirm_seeds=3, gpus=1.0)
    resumed = restore_options(Options(resume=True, confirm_seeds=0, gpus=0.0), plan(options=old))
    assert (resumed.confirm_seeds, resumed.gpus) == (0, 0.0)


def test_a_resumed_study_keeps_the_share_of_a_gpu_that_was_measured():
    resumed = restore_options(Options(resume=True, gpus="auto"), plan(options=Options(gpus=0.25)))
    assert resumed.gpus == 0.25


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fields": {"optimiser.epochs": 2}}, r"optimiser\.epochs of .* was 30, now 2"),
        ({"study": replace(STUDY, grid={})}, "had 2 runs and now has 1"),
        ({"options": Options(cpus=2.0)}, "--cpus-per-trial was None, now 2.0"),
        ({"options": Options(share_first_task=True)}, f"not given then. Go on with .* .{GO_ON}"),
        ({"fingerprint": "g"}, "the clips of tiny are not those it began with"),
    ],
)
def test_a_study_that_has_changed_cannot_be_resumed_and_says_what_changed(changes, message):
    check_same(plan(), plan(), GO_ON)
    with pytest.raises(ConfigError, match=message):
        check_same(plan(), plan(**changes), GO_ON)


def test_a_grid_that_goes_on_is_compared_with_the_one_that_was_written(tmp_path):
    plan().write(tmp_path)
    check_same(read_plan(tmp_path), plan(options=Options(resume=True)), GO_ON)


def test_a_study_from_before_a_field_was_there_goes_on_with_its_default():
    old = plan()
    for trial in old.trials:
        del trial["fields"]["model.backbone"]
    check_same(old, plan(), GO_ON)
    changed = plan(fields={"model.backbone": "stgcn", "learner.masking_position": "pre"})
    with pytest.raises(ConfigError, match=r"model\.backbone of .* was 'sttformer', now 'stgcn'"):
        check_same(old, changed, GO_ON)


SEARCH = Study("some", "Which?", space={"learner.alpha": Real(0.1, 1.0)}, pruner="asha")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {"learner.alpha": Real(0.1, 2.0)}}, r"space of learner\.alpha was Real"),
        ({"space": {**SEARCH.space, "learner.beta": Real(0, 1)}}, r"learner\.beta was None"),
        ({"sampler": "random"}, "sampler was tpe, now random"),
        ({"pruner": "hyperband"}, "pruner was asha, now hyperband"),
        (
            {"objectives": ["val/task_il_faa"]},
            "objective was val/faa, now val/task_il_faa",
        ),
    ],
)
def test_a_search_that_has_changed_cannot_be_resumed_and_says_what_changed(changes, message):
    check_same(plan(SEARCH), plan(SEARCH, num_trials=30, hours=2.0), GO_ON)
    with pytest.raises(ConfigError, match=message):
        check_same(plan(SEARCH), plan(replace(SEARCH, **changes)), GO_ON)


def test_another_budget_is_another_search():
    with pytest.raises(ConfigError, match="budget was None, now 500"):
        check_same(plan(SEARCH), plan(SEARCH, budget=500), GO_ON)


def journal_of(folder, *outcomes):
    journal = Journal(folder / "journal.jsonl")
    for number, outcome in enumerate(outcomes):
        journal.append("trial", str(number), label="", fields={"seed": 0}, tags={})
        journal.append("end", str(number), outcome=outcome)
    return journal


def test_a_search_that_goes_on_may_have_more_trials_and_hours(tmp_path):
    journal = journal_of(tmp_path, FINISHED)
    old = plan(SEARCH, num_trials=24, hours=1.0)
    assert extended_plan(old, Options(resume=True), journal) == old
    more = extended_plan(old, Options(resume=True, trials=30, hours=2.0), journal)
    assert (more.num_trials, more.hours, more.extensions) == (30, 2.0, 1)


def test_a_search_cannot_end_with_fewer_trials_than_it_has_begun(tmp_path):
    journal = journal_of(tmp_path, FINISHED, PRUNED, FAILED, INTERRUPTED)
    old = plan(SEARCH, num_trials=24)
    assert extended_plan(old, Options(resume=True, trials=4), journal).num_trials == 4
    message = r"--trials 3 is less than .* begun already: give at least 4, or leave .* its 24\."
    with pytest.raises(ConfigError, match=message):
        extended_plan(old, Options(resume=True, trials=3), journal)


def test_what_is_chosen_when_a_study_goes_on_is_remembered_when_it_does_so_again(tmp_path):
    journal = journal_of(tmp_path, FINISHED)
    old = plan(SEARCH, Options(data="d", confirm_seeds=3), num_trials=1)
    options = restore_options(Options(extend=5, confirm_seeds=0), old)
    again = restore_options(Options(resume=True), extended_plan(old, options, journal))
    assert (again.data, again.confirm_seeds) == ("d", 0)


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ([], "Going on: 0 of 4 trials are done."),
        ([FINISHED, INTERRUPTED], "Going on: 1 of 4 trials is done."),
        (
            [FINISHED, PRUNED, FAILED],
            "Going on: 2 of 4 trials are done; 1 that failed is tried again.",
        ),
    ],
)
def test_a_study_that_goes_on_says_how_far_it_is(tmp_path, outcomes, sentence):
    assert progress_of(journal_of(tmp_path, *outcomes), 4).sentence == sentence


def test_trials_are_added_to_what_there_is_and_have_hours_of_their_own(tmp_path):
    journal = journal_of(tmp_path, FINISHED, FINISHED)
    old = plan(SEARCH, num_trials=2, hours=1.0)
    more = extended_plan(old, Options(extend=5), journal)
    assert (more.num_trials, more.hours, more.extensions) == (7, None, 1)
    with pytest.raises(ConfigError, match="leave --trials out"):
        extended_plan(old, Options(extend=5, trials=7), journal)


def test_trials_are_added_only_to_a_search_that_is_over(tmp_path):
    journal = journal_of(tmp_path, FINISHED, INTERRUPTED)
    with pytest.raises(ConfigError, match="of this one 1 of 2 trials are: go on with --resume"):
        extended_plan(plan(SEARCH, num_trials=2), Options(extend=5), journal)


def made(folder, **how):
    with make_room(folder, **how) as moved:
        return moved


def test_a_finished_study_is_put_back_when_the_new_one_comes_to_nothing(tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    plan().write(folder)

    def refused():
        with make_room(folder) as moved:
            assert "moved to" in moved
            folder.mkdir()
            (folder / "driver.log").touch()
            raise ConfigError("No.")

    with pytest.raises(ConfigError):
        refused()
    assert [path.name for path in folder.iterdir()] == ["study.json"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_finished_study_is_moved_aside_and_an_unfinished_one_is_kept(tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    with make_room(folder) as moved:
        assert moved == ""
    plan().write(folder)
    journal = Journal(folder / "journal.jsonl")
    for name in ("a", "b"):
        journal.append("trial", name, label=name, fields={"seed": 0}, tags={})
    journal.append("end", "a", outcome=FINISHED)
    with pytest.raises(ResultsError, match=r"unfinished study \(1 of 2 trials are over\)"):
        made(folder)
    journal.append("end", "b", outcome=FINISHED)
    assert "would be moved aside" in made(folder, dry_run=True)
    assert folder.exists()
    assert "moved to" in made(folder)
    assert not folder.exists()
    assert len(list(tmp_path.glob("some-*/study.json"))) == 1


def test_a_study_that_is_older_than_a_field_and_an_option_goes_on(tmp_path):
    """What is added later has its default in it."""
    old = plan(options=Options(data="d"))
    for trial in old.trials:
        del trial["fields"]["data.shots"]
    options = {name: v for name, v in old.options.items() if name != "class_order"}
    old = replace(old, options=options)
    assert restore_options(Options(resume=True), old) == Options(data="d", resume=True)
    check_same(old, plan(), GO_ON)
    with pytest.raises(ConfigError, match=r"data\.shots of .* was 0, now 5"):
        check_same(old, plan(fields={"data.shots": 5}), GO_ON)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_journal_without_its_plan_is_refused_and_stays(tmp_path, dry_run):
    folder = tmp_path / "some"
    folder.mkdir()
    journal_of(folder, FINISHED)
    before = (folder / "journal.jsonl").read_bytes()
    with (
        pytest.raises(ResultsError, match=r"some holds the journal of a study, but not its study"),
        make_room(folder, dry_run=dry_run),
    ):
        pass
    assert (folder / "journal.jsonl").read_bytes() == before


def test_the_folder_of_another_study_is_not_gone_on_with():
    with pytest.raises(ConfigError, match=r"holds the study 'some', and this is 'other'; .*DIR\.$"):
        check_same(plan(), plan(name="other"), GO_ON)
