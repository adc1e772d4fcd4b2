"""The command line of a study."""

import dataclasses

import pytest

from charon.errors import ConfigError
from charon.presets import PRESETS
from charon.tuning.session.options import REMEMBERED, Options, parse_options
from charon.tuning.study.space import Real
from charon.tuning.study.study import Study

STUDY = Study("some", "Which?", grid={"learner.masking_ratio": [0.0, 0.5]}, seeds=(0,))
SEARCH = Study("some", "Which?", space={"learner.alpha": Real(0.1, 1.0)}, seeds=(0,))


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_nothing_given_means_the_defaults():
    assert parse_options(STUDY, []) == Options()


def test_mlflows_own_variable_says_where_to_track_unless_the_command_line_does(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    assert parse_options(STUDY, []).tracking_uri == "http://host:5000"
    assert parse_options(STUDY, ["--tracking-uri", "sqlite:///x"]).tracking_uri == "sqlite:///x"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert parse_options(STUDY, []).tracking_uri is None


def test_every_flag_is_understood(tmp_path):
    flags = "--data d --benchmark ntu60-xsub --scale paper --seeds 1 --cpus-per-trial 2"
    more = f"--gpus-per-trial 0.25 --address h:1 --tracking-uri u --results {tmp_path} --resume"
    last = "--cache c --smoke --dry-run --set learner.alpha=0.5 --set data.crop=epoch"
    last += " --share-first-task"
    search = "--objective val/faa memory/bytes --sampler gp --pruner hyperband --budget 1.5MB"
    limits = "--trials 30 --hours 0.5 --extend 6"
    options = parse_options(SEARCH, f"{flags} {more} {last} {search} {limits}".split())
    assert (options.data, options.benchmark, options.scale) == ("d", ("ntu60-xsub",), "paper")
    assert (options.seeds, options.cpus, options.gpus) == ((1,), 2.0, 0.25)
    assert (options.address, options.tracking_uri, options.results) == ("h:1", "u", tmp_path)
    assert (options.objectives, options.sampler) == (("val/faa", "memory/bytes"), "gp")
    assert (options.pruner, options.budget, options.trials) == ("hyperband", "1.5MB", 30)
    assert (options.hours, options.extend) == (0.5, 6)
    assert options.resume
    assert options.smoke
    assert options.dry_run
    assert options.share_first_task
    assert options.settings == {"learner.alpha": 0.5, "data.crop": "epoch"}


def test_a_stream_by_name_sets_its_fields_unless_they_are_set():
    assert parse_options(STUDY, ["--stream", "poet"]).settings == {
        "data.classes_per_task": "40,5,5,5,5",
        "data.shots": 5,
    }
    flags = ["--stream", "poet", "--set", "data.shots=1", "--set", "learner.alpha=0.5"]
    assert parse_options(STUDY, flags).settings == {
        "data.classes_per_task": "40,5,5,5,5",
        "data.shots": 1,
        "learner.alpha": 0.5,
    }


def test_every_preset_can_be_named():
    for name in PRESETS:
        assert parse_options(STUDY, ["--preset", name]).preset == name
    with pytest.raises(SystemExit):
        parse_options(STUDY, ["--preset", "mine"])


def test_class_orders_are_spelt_out(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("A2\nA1\n")
    options = parse_options(STUDY, ["--class-order", "paper", "shuffled(0..2)", str(file)])
    assert options.class_order == ("paper", "shuffled(0)", "shuffled(1)", "shuffled(2)", "A2,A1")
    options = parse_options(STUDY, ["--set", f"data.class_order={file}"])
    assert options.settings == {"data.class_order": "A2,A1"}
    with pytest.raises(ConfigError, match=r"none\.txt cannot be read"):
        parse_options(STUDY, ["--class-order", "none.txt"])


@pytest.mark.parametrize(
    "flags",
    [
        "--benchmark ntu61",
        "--stream poets",
        "--scale huge",
        "--seeds -1",
        "--cpus-per-trial 0",
        "--gpus-per-trial 1.5",
        "--gpus-per-trial -1",
        "--trials 0",
        "--extend 0",
        "--hours 0",
        "--hours soon",
        "--sampler best",
        "--pruner best",
        "--dat x",
        "--unknown",
    ],
)
def test_a_wrong_flag_is_one_sentence_and_ends_with_status_2(flags, capsys):
    with pytest.raises(SystemExit) as error:
        parse_options(STUDY, flags.split())
    assert error.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.endswith("; --help explains every option.\n")
    assert said.count("\n") == 1
    assert "_" not in said  # no name of a function


@pytest.mark.parametrize(
    ("flags", "least"),
    [
        ("--seeds one", 0),
        ("--confirm-seeds -1", 0),
        ("--trials 0", 1),
        ("--extend 2.5", 1),
        ("--first-tasks 0", 1),
    ],
)
def test_a_wrong_number_is_refused_with_what_is_expected(flags, least, capsys):
    with pytest.raises(SystemExit):
        parse_options(STUDY, flags.split())
    name, value = flags.split()
    assert capsys.readouterr().err == (
        f"error: argument {name}: must be a whole number of at least {least}, but got {value!r}; "
        "--help explains every option.\n"
    )


def test_data_are_found_again_from_another_folder_and_a_name_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.npz", "standin"):
        (tmp_path / name).touch()
    named = {"mine.npz": str(tmp_path / "mine.npz"), "standin": "standin", "no.npz": "no.npz"}
    for given, path in named.items():
        assert parse_options(STUDY, ["--data", given]).data == path
        set_so = parse_options(STUDY, ["--set", f"data.path={given}"])
        assert set_so.settings == {"data.path": path}


def test_a_search_has_one_seed():
    assert parse_options(STUDY, ["--seeds", "3", "4"]).seeds == (3, 4)
    assert parse_options(SEARCH, ["--seeds", "3"]).seeds == (3,)
    with pytest.raises(ConfigError, match="one seed, but --seeds names 2; --confirm-seeds N"):
        parse_options(SEARCH, ["--seeds", "3", "4"])


def test_the_share_of_a_gpu_may_be_measured():
    assert parse_options(STUDY, ["--gpus-per-trial", "auto"]).gpus == "auto"


def test_a_setting_without_a_value_is_an_error():
    with pytest.raises(ConfigError, match="FIELD=VALUE"):
        parse_options(STUDY, ["--set", "learner.alpha"])


def test_what_is_remembered_stands_in_study_json_and_where_things_are_does_not():
    forgotten = {field.name for field in dataclasses.fields(Options)} - set(REMEMBERED)
    assert forgotten == {
        *("trials", "hours", "extend", "address", "results", "cache", "tracking_uri"),
        *("resume", "dry_run", "stream"),  # a stream's fields are remembered
    }
    assert Options(seeds=(1,)).remembered()["seeds"] == (1,)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ("--seeds 1 --hours 1 --trials 3", "--trials"),
        ("--objective val/faa", "--objective"),
        ("--confirm-seeds 0", "--confirm-seeds"),
        ("--extend 3", "--extend"),
    ],
)
def test_an_option_of_a_search_is_refused_for_a_grid(flags, named):
    with pytest.raises(ConfigError, match=f"^{named} is for searches, and the study 'some' runs"):
        parse_options(STUDY, flags.split())
    parse_options(SEARCH, flags.split())


def test_an_option_that_there_is_not_names_the_one_that_may_be_meant(capsys):
    with pytest.raises(SystemExit):
        parse_options(STUDY, ["--smok"])
    said = capsys.readouterr().err
    assert said.startswith("error: unrecognized arguments: --smok (did you mean --smoke?); --help")
