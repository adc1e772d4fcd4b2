"""NW-UCLA's JSON files: known values, ids by name, the third view to test on."""

import json
import zipfile

import numpy as np
import pytest
from data.set_makers import write_ucla

from charon.data.formats import format_of, is_raw
from charon.data.formats.nw_ucla import CLASS_NAMES, FORMAT, NwUcla, parse_clip
from charon.data.layouts import KINECT_V1
from charon.data.prepare import prepare
from charon.data.protocols import split
from charon.data.source import Unreadable
from charon.errors import DataError

ACTIONS = tuple(CLASS_NAMES)
NAMES = [
    f"a{a:02d}_s0{s}_e0{e}_v0{v}"
    for a in ACTIONS
    for s in (1, 2)
    for e in (0, 1)
    for v in (1, 2, 3)
]


@pytest.fixture
def folder(tmp_path):
    write_ucla(tmp_path / "all_sqe", NAMES, np.random.default_rng(0))
    return tmp_path / "all_sqe"


def test_clips_are_centred_at_the_spine_and_have_the_ids_of_their_names(tmp_path):
    written = write_ucla(
        tmp_path / "x", ["a08_s03_e02_v03", "a01_s01_e00_v01"], np.random.default_rng(0)
    )
    clips = list(NwUcla(tmp_path / "x").clips(1))
    assert [clip.name for clip in clips] == ["a01_s01_e00_v01", "a08_s03_e02_v03"]
    for clip in clips:
        x = written[clip.name]
        np.testing.assert_array_equal(clip.x[:, 0], x - x[0, 1])
    ids = [(c.label, c.subject, c.camera, c.replication, c.in_train) for c in clips]
    assert ids == [(0, 1, 1, 1, True), (1, 3, 3, 3, False)]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_and_a_zip_have_the_ten_actions(folder, workers):
    path = folder.parent / "all_sqe.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"all_sqe/{file.name}")
    one, other = NwUcla(folder), NwUcla(path)
    assert one.description.name == "nw-ucla"
    assert one.description.class_names == tuple(CLASS_NAMES.values())
    assert (one.description.num_joints, one.description.num_bodies) == (20, 1)
    assert one.description.bones == KINECT_V1.bones
    assert one.identity() != other.identity()
    assert len(one) == len(other) == len(NAMES)
    for clip, twin in zip(one.clips(workers), other.clips(workers), strict=True):
        assert clip.name == twin.name
        np.testing.assert_array_equal(clip.x, twin.x)


def test_the_third_view_is_tested_on_and_people_are_held_out(folder, tmp_path):
    archive = prepare(str(folder), tmp_path / "cache")
    rows = split(archive, val_fraction=0.5, seed=0)
    assert rows.protocol == "given split"
    assert set(archive.camera[rows.test].tolist()) == {3}
    assert set(archive.camera[rows.train].tolist()) == {1, 2}
    assert rows.val_rule.startswith("held-out subjects")


def test_a_part_of_the_set_is_called_so(tmp_path):
    write_ucla(tmp_path / "x", ["a11_s01_e00_v01", "a07_s01_e00_v01"], np.random.default_rng(0))
    about = NwUcla(tmp_path / "x").description
    assert about.name == "part-of-nw-ucla"
    assert about.class_names == ("action 7", "throw")


def test_it_is_recognised_by_its_files(folder, tmp_path):
    assert format_of(folder) is FORMAT
    assert not is_raw(folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.json").write_text("{}")
    assert not FORMAT.recognises(tmp_path / "other")
    with pytest.raises(DataError, match=r"other has no file of NW-UCLA \(a01_s01_e00_v01\.json"):
        NwUcla(tmp_path / "other")


def said(x):
    return json.dumps({"skeletons": x}).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "is no file of NW-UCLA"),
        (b"[1]", r"`skeletons` must be \(frame, 20 joints, xyz\), but is \(\)"),
        (b"{}", "it has no `skeletons`"),
        (b"\xff", "is no file of NW-UCLA"),
        (b"[" * 100_000, "is no file of NW-UCLA"),
        (said([]), r"but is \(0,\)"),
        (said([[[1, 2, 3]] * 19]), r"but is \(1, 19, 3\)"),
        (said([[[1, 2, 3]] * 20, [[1, 2]] * 20]), "is no file of NW-UCLA"),
        (said([[["a", 2, 3]] * 20]), "is no file of NW-UCLA"),
        (said([[[float("nan"), 2, 3]] * 20]), "has a value that is NaN or infinite"),
    ],
)
def test_a_damaged_file_is_unreadable_and_the_others_are_read(tmp_path, data, reason):
    with pytest.raises(DataError, match=reason):
        parse_clip(data, "a")
    names = ["a01_s01_e00_v01", "a01_s01_e00_v02"]
    write_ucla(tmp_path / "x", names, np.random.default_rng(0))
    (tmp_path / "x" / f"{names[0]}.json").write_bytes(data)
    bad, good = NwUcla(tmp_path / "x").clips(1)
    assert isinstance(bad, Unreadable)
    assert bad.reason.startswith(f"{tmp_path / 'x' / names[0]}.json")
    assert good.name == names[1]
