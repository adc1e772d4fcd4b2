"""The same recordings of NTU RGB+D are the same clips, whichever way they come."""

import zipfile

import numpy as np
import pytest
from data.raw_clips import format_skeleton, raw_clip
from data.set_makers import write_ntu_npz, write_pickle

from charon.data import ntu
from charon.data.prepare import prepare

NAMES = [f"S001C00{camera}P001R001A{a:03d}" for camera in (1, 2) for a in range(1, 61)]


FROM_NAMES = "80f0efee27ee391706064036c8ed246b"
FROM_ROWS = "2d884ba6956101b6ea2cd23aa0edc94b"
"""Fingerprints."""


def coordinates(row, num_frames):
    """Return (frame, joint, xyz) in 256ths of a metre, which float16 and 9 digits both hold."""
    frame, joint, axis = np.meshgrid(*map(np.arange, (num_frames, 25, 3)), indexing="ij")
    steps = (37 * joint + 11 * frame * (axis + 1) + 101 * axis + 13 * row) % 256
    return ((steps + 256 * (axis == 2)) / 256).astype(np.float32)


@pytest.fixture(scope="module")
def recorded():
    """The joints of each recording, float32 (frame, joint, xyz)."""
    return {name: coordinates(row, 12 + row % 5) for row, name in enumerate(NAMES)}


@pytest.fixture
def prepared(tmp_path):
    return lambda path: prepare(str(path), tmp_path / "cache", workers=1)


@pytest.fixture
def folder(tmp_path, recorded):
    place = tmp_path / "nturgb+d_skeletons"
    place.mkdir()
    for name, xyz in recorded.items():
        seen = [(frame, "1", joints) for frame, joints in enumerate(xyz)]
        text = format_skeleton(raw_clip(seen, len(xyz), name))
        (place / f"{name}.skeleton").write_text(text)
    return place


def zip_of(folder):
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as file:
        for each in folder.iterdir():
            file.write(each, each.name)
    return path


def pickle_of(folder, recorded):
    annotations = [
        {
            "frame_dir": name,
            "label": ntu.parse_name(name).label,
            "keypoint": xyz[None].astype(np.float16),
            "total_frames": len(xyz),
        }
        for name, xyz in recorded.items()
    ]
    return write_pickle(folder / "ntu60_3danno.pkl", annotations)


def npz_of(folder, recorded):
    sides = ([], [])
    for name, xyz in recorded.items():
        clip = np.zeros((len(xyz), 2, 25, 3), np.float32)
        clip[:, 0] = xyz
        sides[ntu.parse_name(name).camera == 1].append((ntu.parse_name(name).label, clip))
    return write_ntu_npz(folder / "NTU60_XView.npz", *sides, num_frames=16)


def test_files_a_zip_and_a_pickle_have_one_fingerprint(folder, recorded, prepared, tmp_path):
    paths = (folder, zip_of(folder), pickle_of(tmp_path, recorded))
    # As it was before other formats were read: a prepared set stays what it is.
    assert {prepared(path).fingerprint for path in paths} == {FROM_NAMES}


def test_an_npz_without_names_has_the_same_frames(folder, recorded, prepared, tmp_path):
    files, rows = prepared(folder), prepared(npz_of(tmp_path, recorded))
    assert rows.fingerprint == FROM_ROWS  # of other ids: a part of a protocol's rows has no names
    by_side = sorted(range(len(NAMES)), key=lambda row: files.camera[row] == 1)
    assert files.label[by_side].tolist() == rows.label.tolist()
    for ours, row in zip(by_side, range(len(NAMES)), strict=True):
        np.testing.assert_array_equal(frames_of(files, ours), frames_of(rows, row))


def frames_of(archive, row):
    return archive.frames[archive.start[row] : archive.start[row] + archive.length[row]]
