"""Checks against real recordings and real name lists; they are never part of the project."""

import os
from pathlib import Path

import numpy as np
import pytest

from charon.data import ntu
from charon.data.class_orders import PAPER
from charon.data.prepare import prepare
from charon.data.protocols import split
from charon.data.transforms import load_clips

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def folder():
    path = os.environ.get("CHARON_REAL_DATA")
    if not path:
        pytest.skip("CHARON_REAL_DATA does not name the folder of msr_action3d.npz, ntu_meta.npz")
    return Path(path)


def test_names_ids_and_the_papers_order_are_ntus(folder):
    with np.load(folder / "ntu_meta.npz") as meta:
        names = ntu.all_names(120)
        assert list(names) == meta["name"].tolist()
        assert len(ntu.all_names(60)) == 56_578
        assert ntu.all_names(60) == names[:56_578]
        ids = ntu.parse_names(names)
        np.testing.assert_array_equal(ids.label + 1, meta["action"])
        for ours, theirs in (("performer", "subject"), ("setup",) * 2, ("camera",) * 2):
            np.testing.assert_array_equal(getattr(ids, ours), meta[theirs])
        assert set(meta["missing535"].tolist()) == ntu.MISSING_NAMES
        assert set(meta["xsub_train_ids"].tolist()) == ntu.XSUB_TRAIN[120]
        assert tuple(meta["class_names"].tolist()) == ntu.CLASS_NAMES
        assert tuple(meta["ntu120_perm"].tolist()) == PAPER


def test_msr_action3d_is_read_and_as_hard_as_it_should_be(folder, tmp_path):
    archive = prepare(str(folder / "msr_action3d.npz"), tmp_path)
    parts = archive.description.parts
    assert [len(joints) for joints in parts.values()] == [4, 4, 4, 4, 4]
    assert sorted(joint for joints in parts.values() for joint in joints) == list(range(20))
    rows = split(archive, seed=0)
    assert (len(rows.train), len(rows.test), rows.protocol) == (284, 273, "given split")
    about = archive.description
    assert (len(about.class_names), about.num_joints, about.num_bodies) == (20, 20, 1)
    # A nearest neighbour on whole clips, every sixth frame of 120, finds 72 to 73 %.
    train, test = (whole_clips(archive, each) for each in (rows.train, rows.test))
    distance = (test**2).sum(1)[:, None] - 2 * test @ train.T + (train**2).sum(1)
    found = archive.label[rows.train][distance.argmin(axis=1)]
    assert 0.71 < (found == archive.label[rows.test]).mean() < 0.74


def whole_clips(archive, rows):
    """All frames of the clips resized to 120, every sixth of them, as float64 (clip, value)."""
    flat = []
    for row in rows:
        x = archive.frames[archive.start[row] : archive.start[row] + archive.length[row]]
        position = (np.arange(0, 120, 6) + 0.5) * len(x) / 120 - 0.5
        before = np.clip(np.floor(position).astype(int), 0, len(x) - 1)
        after = np.minimum(before + 1, len(x) - 1)
        weight = np.clip(position - before, 0, 1)[:, None, None, None]
        flat.append(((1 - weight) * x[before] + weight * x[after]).ravel())
    return np.array(flat, dtype=np.float64)


def test_validation_of_msr_action3d_holds_out_subjects(folder, tmp_path):
    archive = prepare(str(folder / "msr_action3d.npz"), tmp_path)
    rows = split(archive, val_fraction=0.1, seed=0)
    assert not set(archive.subject[rows.val]) & set(archive.subject[rows.train])
    assert len(set(archive.label[rows.val])) == len(set(archive.label[rows.train])) == 20
    x, present = load_clips(archive, rows.val)
    assert x.shape == (len(rows.val), 3, 120, 20, 1)
    assert present.all()
