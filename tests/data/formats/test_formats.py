"""The table of formats: a new format is one entry, and is recognised, read and described."""

import argparse

import numpy as np
import pytest
from data.set_makers import ListSource, random_clips

from charon.cli.commands import prepare as prepare_command
from charon.data.formats import FORMATS, known_formats
from charon.data.prepare import from_anywhere, is_there, open_source, prepare
from charon.data.source import Format, Reading
from charon.errors import DataError


@pytest.fixture
def csv(monkeypatch):
    """A format whose files hold the seed of their clips."""

    def open_csv(path):
        return ListSource(random_clips(int(path.read_text())), version=path.read_text())

    entry = Format(
        takes="a .csv of seeds",
        open=open_csv,
        recognises=lambda path: path.suffix == ".csv",
        names=("seeds",),
    )
    monkeypatch.setitem(FORMATS, "csv", entry)


@pytest.mark.usefixtures("csv")
def test_a_format_of_the_table_is_recognised_and_read(tmp_path):
    (tmp_path / "set.csv").write_text("7")
    archive = prepare(str(tmp_path / "set.csv"), tmp_path / "cache")
    clips = random_clips(7)
    assert archive.names.tolist() == [clip.name for clip in clips]
    np.testing.assert_array_equal(archive.frames, np.concatenate([clip.x for clip in clips]))
    with pytest.raises(DataError, match=r"data\.keep_gaps acts on a folder .*; leave it out\."):
        open_source(str(tmp_path / "set.csv"), Reading(keep_gaps=True))


@pytest.mark.usefixtures("csv")
def test_a_format_of_the_table_is_described_in_help_and_errors(tmp_path):
    assert known_formats().endswith("a .csv of seeds seeds")
    parser = argparse.ArgumentParser()
    prepare_command.add_arguments(parser)
    assert "a .csv of seeds" in " ".join(parser.format_help().split())
    with pytest.raises(DataError, match=r"does not exist; give a folder .*, or a \.csv of seeds"):
        open_source(str(tmp_path / "gone"))


@pytest.mark.usefixtures("csv")
def test_a_name_for_data_made_on_the_spot_needs_no_file():
    assert is_there("seeds")
    assert from_anywhere("seeds") == "seeds"


def test_every_format_is_described_and_can_be_named():
    for entry in FORMATS.values():
        assert entry.takes in known_formats()
    for name in ("standin", "standin-full", "standin-120", "standin-120-full"):
        assert is_there(name)
        assert name in known_formats()


def test_a_path_is_of_the_first_format_that_recognises_it(tmp_path):
    for name, kind in {
        "NTU60_XSub.npz": "ntu_npz",
        "set.NPZ": "plain_npz",
        "ntu60_3danno.pkl": "pyskl_pickle",
        "skeletons.zip": "skeleton_folder",
    }.items():
        path = tmp_path / name
        path.touch()
        first = next(key for key, entry in FORMATS.items() if entry.recognises(path))
        assert first == kind
