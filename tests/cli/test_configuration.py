"""The run that a command line describes."""

import argparse
import json

import pytest

from charon.cli.commands.run import given_fields, resumed_run
from charon.cli.run_folder import RunFolder
from charon.config import Run
from charon.errors import CheckpointError, ConfigError


def given(*, config=None, data=None, learner=None, seed=None, settings=()):
    return given_fields(
        argparse.Namespace(config=config, data=data, learner=learner, seed=seed, settings=settings)
    )


def folder_of(path, run):
    (path / "run.json").write_text(json.dumps({"run": run.to_flat()}))
    return RunFolder(path)


def test_flags_and_set_name_fields():
    assert given() == {}
    assert given(data="d", learner="er", seed=3, settings=["learner.alpha=0.5", "argmax=all"]) == {
        "data.path": "d",
        "learner": "er",
        "seed": 3,
        "learner.alpha": 0.5,
        "argmax": "all",
    }


def test_the_command_line_replaces_the_file(tmp_path):
    (tmp_path / "winner.json").write_text('{"seed": 7, "learner.alpha": 0.1}')
    fields = given(config=tmp_path / "winner.json", seed=1)
    assert fields == {"seed": 1, "learner.alpha": 0.1}


def test_a_field_given_twice_is_refused():
    with pytest.raises(ConfigError, match=r"learner\.beta is given twice"):
        given(settings=["learner.beta=0.5", "learner.beta=0.5"])
    with pytest.raises(ConfigError, match="learner is given twice"):
        given(learner="er", settings=["learner=der"])


def test_a_resumed_run_is_the_folders_and_may_compute_elsewhere(tmp_path):
    run = Run.from_flat({"seed": 3, "learner.alpha": 0.5})
    folder = folder_of(tmp_path, run)
    assert resumed_run(folder, {}, None) == run
    assert resumed_run(folder, {"learner.alpha": 0.5}, "paper") == run
    assert resumed_run(folder, {"device": "cpu"}, None) == run.replace({"device": "cpu"})


@pytest.mark.parametrize(
    ("fields", "preset", "named"),
    [
        ({"seed": 1}, None, "seed=0, but 1"),
        ({"learner": "er"}, None, "learner='charon', but 'er'"),
        ({}, "released", "argmax='seen', but 'all'|class_order='auto', but 'released'"),
    ],
)
def test_another_run_than_the_folders_is_refused(tmp_path, fields, preset, named):
    with pytest.raises(CheckpointError, match=named):
        resumed_run(folder_of(tmp_path, Run()), fields, preset)
