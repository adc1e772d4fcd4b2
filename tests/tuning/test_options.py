"""The command line of a study, and what a resumed study remembers of it."""

from dataclasses import replace

import pytest

from charon.errors import CheckpointError, ConfigError
from charon.tuning.expansion import expand
from charon.tuning.files import ResultsError, writable_folder
from charon.tuning.journal import FINISHED, INTERRUPTED, LOST, Journal
from charon.tuning.options import Options, parse_options
from charon.tuning.plan import (
    VERSION,
    Plan,
    check_same,
    described,
    longer,
    make_room,
    new_key,
    read_plan,
    with_remembered,
)
from charon.tuning.space import Real
from charon.tuning.study import Study

STUDY = Study("some", "Which?", grid={"learner.masking_ratio": [0.0, 0.5]}, seeds=(0,))


def plan(study=STUDY, options=None, **changes):
    key, started = new_key()
    trials = expand(study)
    fields = {
        "version": VERSION,
        "key": key,
        "name": study.name,
        "question": study.question,
        "objectives": study.objectives,
        "varied": study.varied,
        "space": described(study.space),
        "sampler": study.sampler,
        "pruner": study.pruner,
        "budget": None,
        "started": started,
        "data": "tiny",
        "protocol": "given split",
        "fingerprint": "f",
        "is_standin": False,
        "scale": "small",
        "num_trials": len(trials),
        "hours": None,
        "options": (options or Options()).remembered(),
        "trials": [{"label": one.label, "fields": one.fields} for one in trials],
        "command": "python some.py",
    }
    return Plan(**{**fields, **changes})


def test_nothing_given_means_the_defaults():
    assert parse_options(STUDY, []) == Options()


def test_every_flag_is_understood(tmp_path):
    flags = "--data d --benchmark ntu60-xsub --scale paper --seeds 1 2 --cpus-per-trial 2"
    more = f"--gpus-per-trial 0.25 --address h:1 --tracking-uri u --results {tmp_path} --resume"
    last = "--cache c --smoke --dry-run --set learner.alpha=0.5 --set data.crop=epoch"
    last += " --share-first-task"
    search = "--objective val/faa memory/bytes --sampler gp --pruner hyperband --budget 1.5MB"
    limits = "--trials 30 --hours 0.5 --extend 6"
    options = parse_options(STUDY, f"{flags} {more} {last} {search} {limits}".split())
    assert (options.data, options.benchmark, options.scale) == ("d", ("ntu60-xsub",), "paper")
    assert (options.seeds, options.cpus, options.gpus) == ((1, 2), 2.0, 0.25)
    assert (options.address, options.tracking_uri, options.results) == ("h:1", "u", tmp_path)
    assert (options.objectives, options.sampler) == (("val/faa", "memory/bytes"), "gp")
    assert (options.pruner, options.budget, options.trials) == ("hyperband", "1.5MB", 30)
    assert (options.hours, options.extend) == (0.5, 6)
    assert options.resume
    assert options.smoke
    assert options.dry_run
    assert options.share_first_task
    assert options.settings == {"learner.alpha": 0.5, "data.crop": "epoch"}


@pytest.mark.parametrize(
    "flags",
    [
        "--benchmark ntu61",
        "--scale huge",
        "--seeds -1",
        "--cpus-per-trial 0",
        "--gpus-per-trial 1.5",
        "--gpus-per-trial -1",
        "--trials 0",
        "--extend 0",
        "--hours 0",
        "--sampler best",
        "--pruner best",
        "--dat x",
        "--unknown",
    ],
)
def test_a_wrong_flag_ends_with_status_2(flags, capsys):
    with pytest.raises(SystemExit) as error:
        parse_options(STUDY, flags.split())
    assert error.value.code == 2
    assert "error" in capsys.readouterr().err


def test_the_share_of_a_gpu_may_be_measured():
    assert parse_options(STUDY, ["--gpus-per-trial", "auto"]).gpus == "auto"


def test_a_setting_without_a_value_is_an_error():
    with pytest.raises(ConfigError, match="FIELD=VALUE"):
        parse_options(STUDY, ["--set", "learner.alpha"])


def test_a_plan_comes_back_as_it_was_written(tmp_path):
    one = plan()
    one.write(tmp_path)
    assert read_plan(tmp_path) == one


def test_a_resumed_study_takes_over_what_is_not_given_again():
    options = Options(data="d", seeds=(1, 2), settings={"learner.alpha": 0.5}, cpus=2.0)
    assert with_remembered(Options(resume=True), plan(options=options)) == replace(
        options, resume=True
    )


def test_a_zero_that_is_given_again_counts():
    old = Options(confirm_seeds=3, gpus=1.0)
    resumed = with_remembered(Options(resume=True, confirm_seeds=0, gpus=0.0), plan(options=old))
    assert (resumed.confirm_seeds, resumed.gpus) == (0, 0.0)


def test_a_resumed_study_keeps_the_share_of_a_gpu_that_was_measured():
    resumed = with_remembered(Options(resume=True, gpus="auto"), plan(options=Options(gpus=0.25)))
    assert resumed.gpus == 0.25


def test_a_plan_of_another_version_says_so(tmp_path):
    plan(version=VERSION + 1).write(tmp_path)
    with pytest.raises(CheckpointError, match="left by version"):
        read_plan(tmp_path)


def test_a_damaged_plan_is_an_error(tmp_path):
    (tmp_path / "study.json").write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        read_plan(tmp_path)


def test_a_study_that_has_changed_cannot_be_resumed_and_says_what_changed():
    trials = expand(STUDY)
    check_same(plan(), STUDY, trials, Options())
    with pytest.raises(ConfigError, match=r"optimiser\.epochs of .* was 30, now 2"):
        check_same(plan(), STUDY, expand(STUDY, {"optimiser.epochs": 2}), Options())
    with pytest.raises(ConfigError, match="had 2 runs and now has 1"):
        check_same(plan(), STUDY, trials[:1], Options())
    with pytest.raises(ConfigError, match="--cpus-per-trial"):
        check_same(plan(), STUDY, trials, Options(cpus=2.0))
    with pytest.raises(ConfigError, match="--share-first-task was not given then"):
        check_same(plan(), STUDY, trials, Options(share_first_task=True))


SEARCH = Study("some", "Which?", space={"learner.alpha": Real(0.1, 1.0)}, pruner="asha")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {"learner.alpha": Real(0.1, 2.0)}}, r"space of learner\.alpha was Real"),
        ({"space": {**SEARCH.space, "learner.beta": Real(0, 1)}}, r"learner\.beta was None"),
        ({"sampler": "random"}, "sampler was tpe, now random"),
        ({"pruner": "hyperband"}, "pruner was asha, now hyperband"),
        ({"objectives": ["val/bwt"], "pruner": "none"}, "objective was val/faa, now val/bwt"),
    ],
)
def test_a_search_that_has_changed_cannot_be_resumed_and_says_what_changed(changes, message):
    check_same(plan(SEARCH), SEARCH, expand(SEARCH), Options())
    with pytest.raises(ConfigError, match=message):
        check_same(plan(SEARCH), replace(SEARCH, **changes), expand(SEARCH), Options())


def test_another_budget_is_another_search():
    with pytest.raises(ConfigError, match="budget was None, now 500"):
        check_same(plan(SEARCH), SEARCH, expand(SEARCH), Options(), budget=500)


def journal_of(folder, *outcomes):
    journal = Journal(folder / "journal.jsonl")
    for number, outcome in enumerate(outcomes):
        journal.append("trial", str(number), label="", fields={"seed": 0}, tags={})
        journal.append("end", str(number), outcome=outcome)
    return journal


def test_a_search_that_goes_on_may_have_more_trials_and_hours(tmp_path):
    journal = journal_of(tmp_path, FINISHED)
    old = plan(SEARCH, num_trials=24, hours=1.0)
    assert longer(old, Options(resume=True), journal) == old
    more = longer(old, Options(resume=True, trials=30, hours=2.0), journal)
    assert (more.num_trials, more.hours) == (30, 2.0)


def test_trials_are_added_to_what_there_is_and_have_hours_of_their_own(tmp_path):
    journal = journal_of(tmp_path, FINISHED, FINISHED, LOST)
    old = plan(SEARCH, num_trials=2, hours=1.0)
    more = longer(old, Options(extend=5), journal)
    assert (more.num_trials, more.hours) == (7, None)
    with pytest.raises(ConfigError, match="leave --trials out"):
        longer(old, Options(extend=5, trials=7), journal)


def test_trials_are_added_only_to_a_search_that_is_over(tmp_path):
    journal = journal_of(tmp_path, FINISHED, INTERRUPTED)
    with pytest.raises(ConfigError, match="of this one 1 of 2 trials are: go on with --resume"):
        longer(plan(SEARCH, num_trials=2), Options(extend=5), journal)


def test_a_finished_study_is_moved_aside_and_an_unfinished_one_is_kept(tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    assert make_room(folder) == ""
    plan().write(folder)
    journal = Journal(folder / "journal.jsonl")
    for name in ("a", "b"):
        journal.append("trial", name, label=name, fields={"seed": 0}, tags={})
    journal.append("end", "a", outcome=FINISHED)
    with pytest.raises(ResultsError, match=r"unfinished study \(1 of 2 trials are over\)"):
        make_room(folder)
    journal.append("end", "b", outcome=FINISHED)
    assert "moved to" in make_room(folder)
    assert not folder.exists()
    assert len(list(tmp_path.glob("some-*/study.json"))) == 1


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ResultsError, match=r"file.*--results DIR"):
        writable_folder(file)


def test_too_little_room_is_an_error(tmp_path):
    with pytest.raises(ResultsError, match="free"):
        writable_folder(tmp_path, need_bytes=1 << 60)
