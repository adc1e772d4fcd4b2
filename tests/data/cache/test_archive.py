"""The cache on disk: what goes in comes out, and nothing damaged is opened."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data.set_makers import OTHER, description_of_ntu, ntu_clip, random_clips

from charon.data.cache.archive import (
    VERSION,
    Archive,
    default_cache_dir,
    delete_archive,
    find_archive,
    list_archives,
    num_bytes_of,
)
from charon.data.cache.writer import write_archive
from charon.data.source import Unreadable
from charon.errors import DataError


def write(folder, clips, about=OTHER):
    folder.mkdir(parents=True)
    write_archive(folder, about, "somewhere", clips)
    return Archive(folder)


def test_clips_come_back_bit_for_bit_with_their_ids(tmp_path):
    clips = random_clips()
    clips[3] = replace(clips[3], camera=2, setup=5, replication=1, in_train=True, duplicated=True)
    clips[4] = replace(clips[4], in_train=False)
    archive = write(tmp_path / "set", clips)
    assert archive.num_clips == len(clips)
    for row, clip in enumerate(clips):
        start, length = archive.start[row], archive.length[row]
        np.testing.assert_array_equal(archive.frames[start : start + length], clip.x)
        for field in ("label", "subject", "camera", "setup", "replication", "duplicated"):
            assert getattr(archive, field)[row] == getattr(clip, field)
    assert archive.names.tolist() == [clip.name for clip in clips]
    assert archive.in_train[:6].tolist() == [-1, -1, -1, 1, 0, -1]
    assert archive.source == "somewhere"


def test_frames_are_memory_mapped_and_read_only(tmp_path):
    archive = write(tmp_path / "set", random_clips())
    assert isinstance(archive.frames.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        archive.frames[0] = 0


def test_a_description_comes_back_whole(tmp_path):
    about = description_of_ntu()
    clip = ntu_clip(np.random.default_rng(0), "S001C001P001R001A001")
    assert write(tmp_path / "set", [clip], about).description == about


def test_unreadable_clips_are_listed(tmp_path):
    archive = write(tmp_path / "set", [*random_clips(), Unreadable("x", "line 3 is empty.")])
    assert archive.unreadable == [("x", "line 3 is empty.")]


def test_an_archive_is_pickled_as_its_path(tmp_path):
    archive = write(tmp_path / "set", random_clips())
    data = pickle.dumps(archive)
    assert len(data) < 500
    np.testing.assert_array_equal(pickle.loads(data).frames, archive.frames)


@pytest.mark.parametrize("file", ["frames.npy", "clips.npz", "archive.json"])
def test_a_truncated_or_missing_file_is_not_opened(tmp_path, file):
    path = write(tmp_path / "set", random_clips()).path / file
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"truncated or damaged .*; delete it and prepare"):
        Archive(tmp_path / "set")
    path.unlink()
    with pytest.raises(DataError, match=f"is not a prepared set: it has no .*{file}"):
        Archive(tmp_path / "set")


def test_another_format_is_not_opened(tmp_path):
    about = write(tmp_path / "set", random_clips()).path / "archive.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"version": 0}))
    with pytest.raises(DataError, match=f"has format 0, this program reads {VERSION}"):
        Archive(tmp_path / "set")


def test_archives_can_be_listed_and_deleted(tmp_path):
    archive = write(tmp_path / "b", random_clips())
    write(tmp_path / "a", [*random_clips(num_clips=3), Unreadable("x", "why.")])
    (tmp_path / "something else").mkdir()
    assert list_archives(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert num_bytes_of(tmp_path / "b") > archive.frames.nbytes
    delete_archive(find_archive(tmp_path, "b"))
    assert list_archives(tmp_path) == [tmp_path / "a"]
    # What has it open keeps its data.
    assert np.isfinite(archive.frames).all()


def test_a_damaged_archive_is_listed_and_can_be_deleted(tmp_path):
    (write(tmp_path / "a", random_clips()).path / "frames.npy").write_bytes(b"")
    delete_archive(find_archive(tmp_path, "a"))
    assert list_archives(tmp_path) == []


@pytest.mark.parametrize("name", ["c", "..", "something else", "../a"])
def test_only_archives_are_found(tmp_path, name):
    write(tmp_path / "cache" / "a", random_clips())
    (tmp_path / "cache" / "something else").mkdir()
    with pytest.raises(DataError, match=r"There is no prepared set .* there is: a\."):
        find_archive(tmp_path / "cache", name)


def test_no_cache_folder_holds_no_archives(tmp_path):
    assert list_archives(tmp_path / "none") == []


@pytest.mark.parametrize("base", ["", "relative"])
def test_the_default_cache_lies_in_the_home(monkeypatch, base):
    monkeypatch.setenv("XDG_CACHE_HOME", base)
    assert default_cache_dir() == Path.home() / ".cache" / "charon"


def test_the_default_cache_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "charon"


def replaced(path, **columns):
    """Replace columns of a written set."""
    with np.load(path / "clips.npz") as stored:
        kept = dict(stored)
    np.savez(path / "clips.npz", **{**kept, **columns})


def moved(path, name, by):
    with np.load(path / "clips.npz") as stored:
        return {name: stored[name] + by}


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("start", 10**9, r"start of clip 0 is 1000000000\)"),
        ("start", -1, r"start of clip 0 is -1\)"),
        ("start", 2**63 - 1, "start of clip"),
        ("length", 10**9, "length of clip 0 is"),
        ("length", -100, "length of clip 0 is"),
        ("label", 2, r"label of clip 0 is 2\)"),
        ("label", -1, r"label of clip 0 is -1\)"),
        ("in_train", np.int8(9), "in_train of clip 0 is"),
    ],
)
def test_a_clip_that_is_not_within_the_set_is_refused(tmp_path, name, change, said):
    write(tmp_path / "set", random_clips())
    replaced(tmp_path / "set", **moved(tmp_path / "set", name, change))
    with pytest.raises(DataError, match=said):
        Archive(tmp_path / "set")


@pytest.mark.parametrize(
    "columns",
    [
        {"label": np.zeros(3, np.int64)},
        {"label": np.zeros(12, np.int32)},
        {"present": np.ones((12, 2), np.bool_)},
        {"names": np.arange(12)},
        {"names": np.array("a")},
        {"duplicated": np.array([None] * 12)},
    ],
)
def test_columns_that_do_not_fit_together_are_refused(tmp_path, columns):
    write(tmp_path / "set", random_clips())
    replaced(tmp_path / "set", **columns)
    with pytest.raises(DataError, match=r"prepare again\.$|save it as a plain array"):
        Archive(tmp_path / "set")


ABOUTS = {
    "a list": lambda about: [],
    "a number": lambda about: 3,
    "no description": lambda about: {**about, "description": None},
    "no classes": lambda about: about | {"description": {"name": "a"}},
    "a joint beyond": lambda about: (
        about | {"description": about["description"] | {"bones": [[0, 99]]}}
    ),
    "no joint": lambda about: about | {"description": about["description"] | {"num_joints": 0}},
    "other joints": lambda about: about | {"description": about["description"] | {"num_joints": 9}},
    "huge": lambda about: about | {"description": about["description"] | {"num_joints": 10**400}},
    "a source that is a list": lambda about: about | {"source": []},
    "reasons without names": lambda about: about | {"unreadable": ["abc"]},
    "a field more": lambda about: about | {"more": 1},
    "deep": lambda about: "deep",
}


@pytest.mark.parametrize("change", ABOUTS.values(), ids=ABOUTS)
def test_a_damaged_description_is_refused(tmp_path, change):
    path = write(tmp_path / "set", random_clips()).path / "archive.json"
    text = json.dumps(change(json.loads(path.read_text())))
    path.write_text("[" * 100_000 if text == '"deep"' else text)
    with pytest.raises(DataError, match=r"delete it and prepare again\.$"):
        Archive(tmp_path / "set")


@pytest.mark.parametrize("file", ["frames.npy", "clips.npz", "archive.json"])
def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path, file):
    path = write(tmp_path / "set", random_clips()).path / file
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match=r"cannot be read"):
        Archive(tmp_path / "set")
