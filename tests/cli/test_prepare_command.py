"""`charon prepare` and `charon cache`: what a user is told of a set."""

import os
import subprocess
import sys

import numpy as np
import pytest
from cli.small_sets import npz_arrays, ntu_names, skeleton_text, write_npz, write_skeletons

from charon.data.cache.archive import Archive, list_archives


def test_a_set_is_prepared_once_and_its_facts_are_told(tmp_path, charon):
    path = write_npz(tmp_path / "small.npz")
    first = charon("prepare", path, "--cache", tmp_path / "cache")
    assert first.status == 0
    [prepared] = list_archives(tmp_path / "cache")
    fingerprint = Archive(prepared).fingerprint
    for fact in ("24, 12 of them with two bodies", fingerprint, str(prepared)):
        assert fact in first.out
    again = charon("prepare", path, "--cache", tmp_path / "cache")
    assert "was prepared before" in again.out
    assert fingerprint in again.out


def test_broken_files_of_a_folder_are_listed_and_the_others_prepared(tmp_path, charon):
    folder = write_skeletons(tmp_path / "clips", ntu_names([1, 2]))
    whole = skeleton_text()
    for replication, text in ((2, whole[: len(whole) // 2]), (3, "garbled"), (4, "")):
        (folder / f"S001C001P001R{replication:03d}A001.skeleton").write_text(text)
    said = charon("prepare", folder, "--cache", tmp_path / "cache", "--workers", 1)
    assert said.status == 0
    assert "3 clips cannot be read and are left out:" in said.err
    assert "R002A001: " in said.err
    assert "line" in said.err
    assert "2, 0 of them with two bodies; 3 unreadable" in said.out


def test_of_many_broken_files_twenty_are_shown_and_the_cache_has_all(tmp_path, charon):
    folder = write_skeletons(tmp_path / "clips", ntu_names([1]))
    for replication in range(2, 27):
        (folder / f"S001C001P001R{replication:03d}A001.skeleton").write_text("garbled")
    said = charon("prepare", folder, "--cache", tmp_path / "cache")
    assert "25 clips cannot be read" in said.err
    assert said.err.count("S001C001") == 20 * 2  # the name, and the path in the reason
    assert "and 5 more; all: charon cache show clips-" in said.err
    [prepared] = list_archives(tmp_path / "cache")
    shown = charon("cache", "show", prepared.name, "--cache", tmp_path / "cache")
    assert shown.out.count("left out") == 25


def test_strict_refuses_a_folder_with_a_broken_file(tmp_path, refused):
    folder = write_skeletons(tmp_path / "clips", ntu_names([1]))
    (folder / "S001C001P001R002A001.skeleton").write_text("garbled")
    said = refused("prepare", folder, "--strict", "--cache", tmp_path / "cache")
    assert "R002A001" in said
    assert list_archives(tmp_path / "cache") == []


def test_a_class_whose_every_file_is_broken_is_refused_by_name(tmp_path, refused):
    folder = write_skeletons(tmp_path / "clips", ntu_names([1]))
    (folder / "S001C001P001R001A002.skeleton").write_text("garbled")
    assert "eat meal" in refused("prepare", folder, "--cache", tmp_path / "cache")


def test_nothing_readable_is_refused(tmp_path, refused):
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "S001C001P001R001A001.skeleton").write_text("garbled")
    assert "no clip that can be read" in refused("prepare", folder, "--cache", tmp_path / "c")


def with_nan():
    x = npz_arrays()["x"].copy()
    x[3, 0, 0, 0, 0] = np.nan
    return x


@pytest.mark.parametrize(
    ("replaced", "named"),
    [
        ({"x": np.zeros((24, 4, 20, 25), np.float32)}, ("`x`", "(24, 4, 20, 25)")),
        ({"x": with_nan()}, ("`x`", "row 3")),
        ({"label": None}, ("label",)),
        ({"n_frames": np.zeros(24, int)}, ("n_frames",)),
        ({"label": np.full(24, 9)}, ("`label`", "from 0 to 3")),
        ({"label": np.full(24, -1)}, ("`label`", "-1")),
    ],
    ids=["shape", "nan", "no label", "no n_frames", "label too large", "label negative"],
)
def test_a_wrong_npz_is_refused_by_file_and_field(tmp_path, refused, replaced, named):
    path = write_npz(tmp_path / "wrong.npz", **replaced)
    said = refused("prepare", path, "--cache", tmp_path / "cache")
    for word in ("wrong.npz", *named):
        assert word in said
    assert list((tmp_path / "cache").iterdir()) == []


class Attack:
    def __reduce__(self):
        return os.system, ("touch carried-out",)


def test_a_pickle_that_carries_code_is_refused_and_not_run(tmp_path, refused, monkeypatch):
    import pickle

    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps({"split": {}, "annotations": Attack()}))
    assert "bad.pkl" in refused("prepare", tmp_path / "bad.pkl", "--cache", tmp_path / "cache")
    assert not (tmp_path / "carried-out").exists()


def test_what_does_not_exist_is_refused(tmp_path, refused):
    assert "does not exist" in refused("prepare", tmp_path / "nothing", "--cache", tmp_path)


def test_a_cache_that_cannot_be_made_is_refused(tmp_path, refused):
    path = write_npz(tmp_path / "small.npz")
    said = refused("prepare", path, "--cache", path / "cache")
    assert f"{path / 'cache'}" in said
    assert "--cache" in said


def test_a_full_disk_leaves_no_cache(tmp_path, refused, small_files):
    path = write_npz(tmp_path / "small.npz")
    with small_files(20_000):
        said = refused("prepare", path, "--cache", tmp_path / "cache")
    assert "no space left" in said
    assert list((tmp_path / "cache").iterdir()) == []


def test_sets_are_listed_and_deleted(tmp_path, charon, refused):
    cache = tmp_path / "cache"
    assert "0 prepared sets" in charon("cache", "list", "--cache", cache).out
    charon("prepare", write_npz(tmp_path / "small.npz"), "--cache", cache)
    [prepared] = list_archives(cache)
    assert prepared.name in charon("cache", "list", "--cache", cache).out
    assert "Deleted" in charon("cache", "delete", prepared.name, "--cache", cache).out
    assert list_archives(cache) == []
    for action in ("delete", "show"):
        assert "no prepared set `x`" in refused("cache", action, "x", "--cache", cache)


def test_how_a_set_is_read_can_be_set(charon, refused, tmp_path):
    path = write_npz(tmp_path / "turned.npz", x=npz_arrays()["x"].transpose(0, 2, 3, 4, 1))
    cache = ("--cache", tmp_path / "cache")
    assert "can be read as NTVMC, NVTMC" in refused("prepare", path, *cache)
    said = charon("prepare", path, *cache, "--set", "data.axes=NTVMC")
    assert said.status == 0
    assert "25 joints, 3 coordinates" in said.out
    named = write_npz(tmp_path / "named.npz", label=np.array(["a", "b"] * 12), class_names=None)
    for _ in range(2):  # a set that was prepared before says it, too
        said = charon("prepare", named, *cache)
        assert f"{named}: `label`: text is read as class names" in said.err
    assert "data.crop does not change how a set is prepared" in refused(
        "prepare", path, *cache, "--set", "data.crop=epoch"
    )
    assert "scores must be one of 'threshold', 'channel'" in refused(
        "prepare", path, *cache, "--set", "data.scores=no"
    )


def test_preparing_needs_neither_torch_nor_matplotlib():
    code = (
        "import sys, charon.cli.commands.prepare, charon.cli.commands.cache; "
        "print({'torch', 'matplotlib', 'ray', 'mlflow'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"
