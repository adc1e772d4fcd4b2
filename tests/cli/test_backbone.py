"""Another backbone from the command line: learned, predicted with, drawn, refused."""

import json

import numpy as np
import pytest
from cli.small_sets import tiny, write_npz

from charon.data.ntu import BONES
from charon.training.artifacts import load_model

WORDS = tiny(model__backbone="stgcn", learner__masking_position="pre", model__encoder="16-24")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_npz(tmp_path_factory.mktemp("data") / "small.npz", bones=np.array(BONES))


def test_a_run_its_labels_and_its_reconstruction(data, charon, tmp_path):
    place = ["--cache", tmp_path / "cache"]
    said = charon("run", "--data", data, "--output", tmp_path / "out", *place, *WORDS)
    assert said.status == 0, said.err
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    assert about["run"]["model.encoder"] == "16-24"
    assert about["bones"] == [list(bone) for bone in BONES]
    network = load_model(tmp_path / "out").learner.network
    assert network.encoder.widths == (16, 24)

    said = charon("predict", tmp_path / "out", data, *place)
    assert said.out.count("\n") == 25
    words = ["--model", tmp_path / "out", "--output", tmp_path / "a.png", *place]
    assert charon("show", data, *words).status == 0
    assert (tmp_path / "a.png").stat().st_size > 20_000


def test_data_without_bones_is_refused(refused, tmp_path):
    path = write_npz(tmp_path / "plain.npz")
    words = ["--cache", tmp_path / "cache", "--output", tmp_path / "out", *WORDS]
    said = refused("run", "--data", path, *words)
    assert "model.backbone=stgcn needs the bones of the body" in said
    assert not (tmp_path / "out").exists()


def test_masking_by_tuples_is_refused(refused, data, tmp_path):
    words = ["--cache", tmp_path / "cache", "--output", tmp_path / "out"]
    said = refused("run", "--data", data, *words, *tiny(model__backbone="stgcn"))
    assert "set learner.masking_position=pre" in said
