"""Pairs of 2s-AGCN and MS-G3D: known values, repetition cut off, ids and protocols by name."""

import os
import pickle

import numpy as np
import pytest
from data.set_makers import write_agcn

from charon.data import ntu
from charon.data.formats import format_of
from charon.data.formats.agcn_pair import FORMAT, AgcnPair
from charon.data.layouts import OPENPOSE
from charon.data.source import Unreadable
from charon.errors import DataError

# Performer 1 trains, 3 is tested; camera 2 trains and 1 is tested under xview.
TRAIN = ["S001C001P001R001A001", "S001C002P001R001A002"]
TEST = ["S001C001P003R001A001", "S001C002P003R001A002"]


def clips_of(names, seed=0, lengths=(7, 12), num_frames=20):
    """Clips (clip, 3, frame, 25, 2), centred and filled up with their own frames as the field's."""
    rng = np.random.default_rng(seed)
    x = np.zeros((len(names), 3, num_frames, 25, 2), np.float32)
    for row in range(len(names)):
        length = lengths[row % len(lengths)]
        clip = rng.normal(size=(3, length, 25, 2)).astype(np.float32)
        clip[:, :, 1, 0] = 0  # the spine is the origin of every frame
        clip[..., 1] *= row % 2  # every other clip has a second body
        for start in range(0, num_frames, length):
            x[row, :, start : start + length] = clip[:, : num_frames - start]
    return x


def labels(names):
    return [int(name[-3:]) - 1 for name in names]


@pytest.fixture
def xsub(tmp_path):
    folder = tmp_path / "xsub"
    for part, names in (("train", TRAIN), ("val", TEST)):
        written = [f"{name}.skeleton" for name in names]
        write_agcn(folder, part, written, labels(names), clips_of(names, seed=len(part)))
    return folder


def test_clips_are_those_before_the_repetition(xsub):
    source = AgcnPair(xsub)
    clips = list(source.clips(2))
    assert len(source) == 4
    assert [clip.name for clip in clips] == TRAIN + TEST
    given = np.concatenate([clips_of(TRAIN, seed=5), clips_of(TEST, seed=3)])
    for clip, x, length in zip(clips, given, (7, 12, 7, 12), strict=True):
        np.testing.assert_array_equal(clip.x, x[:, :length].transpose(1, 3, 2, 0))
        ids = (clip.setup, clip.camera, clip.subject, clip.replication, clip.label)
        assert ids == ntu.parse_name(clip.name)
    assert [clip.in_train for clip in clips] == [True, True, False, False]
    (note,) = source.notes()
    assert note.startswith("4 of 4 clips repeat themselves up to the last frame of the array; the")


def test_padding_of_zeros_and_clips_of_full_length_are_read_too(tmp_path):
    x = clips_of(TRAIN, lengths=(20,))
    x[0, :, 9:] = 0
    write_agcn(tmp_path, "train", TRAIN, labels(TRAIN), x, "data")  # as ST-GCN calls it
    source = AgcnPair(tmp_path)
    short, full = source.clips(1)
    assert (len(short.x), len(full.x)) == (9, 20)
    assert source.notes() == []


def test_the_set_is_named_after_the_protocol_whose_split_it_has(xsub, tmp_path):
    about = AgcnPair(xsub).description
    assert (about.name, about.is_ntu, about.class_names) == (
        "ntu60-xsub",
        True,
        ntu.CLASS_NAMES[:60],
    )
    # One part alone is the split of several protocols.
    (xsub / "val_label.pkl").unlink()
    write_agcn(tmp_path / "one", "train", TRAIN[1:], labels(TRAIN[1:]), clips_of(TRAIN[1:]))
    assert AgcnPair(tmp_path / "one").description.name == "ntu60"


def test_names_may_be_paths_as_ms_g3d_writes_them(tmp_path):
    names = [f"../data/nturgbd_raw/nturgb+d_skeletons/{name}.skeleton" for name in TRAIN]
    write_agcn(tmp_path, "train", names, labels(TRAIN), clips_of(TRAIN))
    assert [clip.name for clip in AgcnPair(tmp_path).clips(1)] == TRAIN


def test_arrays_are_memory_mapped(xsub):
    assert all(isinstance(part.x, np.memmap) for part in AgcnPair(xsub)._parts)


def test_the_folder_or_any_of_its_files_can_be_given(xsub):
    for path in (xsub, *sorted(xsub.iterdir())):
        assert format_of(path) is FORMAT
        assert len(AgcnPair(path)) == 4
    assert not FORMAT.recognises(xsub / "train_data_bone.npy")
    assert format_of(xsub.parent) is FORMAT
    with pytest.raises(
        DataError, match=r"has no pair of files such as .*one of its folders xsub\."
    ):
        AgcnPair(xsub.parent)


def test_any_other_set_in_this_layout(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 2, 8, 5, 3)).astype(np.float32) * np.array([0.1, 1, 2], np.float32)
    x[1] = 0
    write_agcn(tmp_path / "mine", "train", ["a", "b", "c"], [1, 2, 1], x)
    source = AgcnPair(tmp_path / "mine")
    assert (source.description.name, source.description.is_ntu) == ("mine", False)
    assert source.description.class_names == ("class 1", "class 2")
    first, none, last = source.clips(1)
    kept = x[0][..., [2, 1]].transpose(1, 3, 2, 0)
    np.testing.assert_array_equal(first.x, kept - kept[0, 0, 1])
    assert isinstance(none, Unreadable)
    assert (last.name, last.label, last.in_train) == ("c", 0, True)
    labels_note, bodies_note = source.notes()
    assert labels_note.startswith("labels: 2 classes with numbers from 1 to 2 are numbered from 0")
    assert bodies_note == "of up to 3 bodies in a clip, the two that move most are kept"


@pytest.mark.parametrize("scores", ["threshold", "channel"])
def test_the_third_channel_of_18_joints_is_a_score(tmp_path, scores):
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 0.5, size=(1, 3, 8, 18, 2)).astype(np.float32)
    x[0, 2, 3, 4, 0] = 0
    write_agcn(tmp_path, "train", ["a.json"], [0], x)
    source = AgcnPair(tmp_path, scores=scores)
    assert source.description.num_channels == (2 if scores == "threshold" else 3)
    assert source.description.bones == OPENPOSE.bones
    (clip,) = source.clips(1)
    assert clip.name == "a"
    given = x[0].transpose(1, 3, 2, 0)
    expected = given[..., :2] - given[0, 0, 1, :2]
    expected[3, 0, 4] = 0
    np.testing.assert_array_equal(clip.x[..., :2], expected)
    if scores == "channel":
        np.testing.assert_array_equal(clip.x[..., 2], given[..., 2])


def test_its_identity_changes_with_any_file_and_with_a_choice(xsub):
    seen = {AgcnPair(xsub).identity(), AgcnPair(xsub, min_score=0.5).identity()}
    for name in ("train_label.pkl", "val_data_joint.npy"):
        os.utime(xsub / name, ns=(0, 1))
        seen.add(AgcnPair(xsub).identity())
    assert len(seen) == 4


class Code:
    def __reduce__(self):
        return os.system, ("true",)


BAD = {
    "code": ((TRAIN, [Code(), 1]), None, "train_label.pkl carries code"),
    "no pair": (
        TRAIN,
        None,
        "must have a label for each|the names and the labels|first of its two",
    ),
    "names": (([1, 2], [0, 1]), None, "the first of its two lists must have the names of clips"),
    "one label short": ((TRAIN, [0]), None, "must have a label for each of its 2 names"),
    "labels": ((TRAIN, ["a", "b"]), None, "labels must be whole numbers from 0"),
    "another label": (
        (TRAIN, [0, 7]),
        None,
        r"clip S001C002P001R001A002 has label 7, but its name",
    ),
    "no array": (None, b"hello", r"train_data_joint.npy is no .npy, or truncated \("),
    "objects": (None, np.array([None]), r"train_data_joint.npy is no .npy, or truncated \("),
    "axes": (
        None,
        np.zeros((2, 3, 9), "f4"),
        r"must be float32 \(2 clips as in .* it is float32 \(2",
    ),
    "clips": (None, np.zeros((3, 3, 9, 25, 2), "f4"), r"2 clips as in train_label\.pkl"),
    "channels": (None, np.zeros((2, 4, 9, 25, 2), "f4"), "2 or 3 channels"),
    "whole numbers": (None, np.zeros((2, 3, 9, 25, 2), int), "must be float32"),
    "nan": (None, np.full((2, 3, 9, 25, 2), np.nan, "f4"), "row 0 has a value that is NaN"),
    "other joints": (None, np.zeros((2, 3, 9, 20, 2), "f4"), "clips of another shape than"),
}


@pytest.mark.parametrize(("content", "x", "said"), BAD.values(), ids=BAD)
def test_a_damaged_file_is_said(xsub, content, x, said):
    if content is not None:
        (xsub / "train_label.pkl").write_bytes(pickle.dumps(content))
    if isinstance(x, bytes):
        (xsub / "train_data_joint.npy").write_bytes(x)
    elif x is not None:
        np.save(xsub / "train_data_joint.npy", x, allow_pickle=True)
    with pytest.raises(DataError, match=said):
        list(AgcnPair(xsub).clips(1))


def test_scores_are_refused_where_there_are_none(xsub):
    with pytest.raises(DataError, match="has no scores of joints; leave out data"):
        len(AgcnPair(xsub, scores="channel"))


def test_an_array_without_labels_is_no_pair(xsub):
    (xsub / "val_label.pkl").unlink()
    assert len(AgcnPair(xsub)) == 2
    (xsub / "train_label.pkl").unlink()
    with pytest.raises(DataError, match="copy both files"):
        AgcnPair(xsub)
