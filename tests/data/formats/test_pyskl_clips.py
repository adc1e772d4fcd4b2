"""PYSKL's and MMAction2's annotations of detected 2-D joints, and of other skeletons."""

import pickle

import numpy as np
import pytest
from data.set_makers import flat_annotation, flat_annotations, pyskl_annotation, write_pickle

from charon.data import ntu
from charon.data.formats.pyskl_pickle import PysklPickle
from charon.data.layouts import COCO
from charon.data.prepare import open_source, prepare
from charon.data.source import Reading, Unreadable
from charon.errors import DataError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def read(tmp_path, annotations, split=None, name="gym_hrnet.pkl", **choice):
    source = PysklPickle(write_pickle(tmp_path / name, annotations, split=split or {}), **choice)
    return source, list(source.clips(1))


def in_image(annotation):
    """Coordinates (frame, body, joint, 2) by the formula: an image of 480 x 640, y up."""
    x = annotation["keypoint"].astype(np.float32).swapaxes(0, 1)
    return np.stack([(x[..., 0] - 320) / 320, (x[..., 1] - 240) / -240], axis=-1)


def test_joints_are_divided_by_the_image_and_centred_at_the_nose(tmp_path, rng):
    given = [flat_annotation(rng, f"v{i}", i % 2, num_people=1 + i % 2) for i in range(4)]
    source, clips = read(tmp_path, given)
    about = source.description
    assert (about.name, about.is_ntu) == ("gym_hrnet", False)
    assert (about.num_joints, about.num_bodies, about.num_channels) == (17, 2, 2)
    assert (about.centre_joint, about.bones, about.parts) == (0, COCO.bones, COCO.parts)
    assert about.class_names == ("class 0", "class 1")
    for clip, annotation in zip(clips, given, strict=True):
        expected = in_image(annotation)
        people = expected.shape[1]
        assert clip.x.shape == (12, 2, 17, 2)
        np.testing.assert_allclose(clip.x[:, :people], expected - expected[0, 0, 0], atol=1e-6)
        assert not clip.x[:, people:].any()
    assert [(clip.name, clip.label) for clip in clips] == [
        ("v0", 0),
        ("v1", 1),
        ("v2", 0),
        ("v3", 1),
    ]
    (note,) = source.notes()
    assert note.endswith("y points up; joints with a score of at most 0.01 are absent")


def test_known_values(tmp_path, rng):
    made = flat_annotation(rng, "v", num_frames=1)
    made["keypoint"] = np.full((1, 1, 17, 2), (320, 240), np.float32)  # the middle of the image
    made["keypoint"][0, 0, 5] = 480, 60
    made["keypoint"][0, 0, 6] = 160, 360
    _, (clip,) = read(tmp_path, [made])
    assert clip.x[0, 0, 5].tolist() == [0.5, 0.75]
    assert clip.x[0, 0, 6].tolist() == [-0.5, -0.5]
    assert not clip.x[0, 0, :5].any()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("num_joints", [5, 17, 18, 133])
def test_any_number_of_joints_of_both_precisions(tmp_path, rng, dtype, num_joints):
    made = flat_annotation(rng, "v", num_joints=num_joints)
    for key in ("keypoint", "keypoint_score"):
        made[key] = made[key].astype(dtype)
    source, (clip,) = read(tmp_path, [made])
    assert source.description.num_joints == num_joints
    assert clip.x.shape == (12, 1, num_joints, 2)


def test_scores_are_a_threshold_or_a_third_channel(tmp_path, rng):
    made = flat_annotation(rng, "v")
    made["keypoint_score"][0, 3, 9] = 0.125
    source, (clip,) = read(tmp_path, [made], min_score=0.25)
    assert not clip.x[3, 0, 9].any()
    assert clip.x[3, 0, 8].any()
    source, (clip,) = read(tmp_path, [made], scores="channel")
    assert source.description.num_channels == 3
    np.testing.assert_array_equal(clip.x[..., 2], made["keypoint_score"].swapaxes(0, 1))
    seen = {PysklPickle(tmp_path / "gym_hrnet.pkl", min_score=s).identity() for s in (0.01, 0.2)}
    seen.add(PysklPickle(tmp_path / "gym_hrnet.pkl", scores="channel").identity())
    assert len(seen) == 3


def test_of_many_bodies_the_two_with_the_highest_scores_are_kept_and_it_is_said(tmp_path, rng):
    made = flat_annotation(rng, "v", num_people=4)
    made["keypoint_score"][:] = np.array([0.2, 0.9, 0.1, 0.5], np.float16)[:, None, None]
    source, (clip, _) = read(tmp_path, [made, flat_annotation(rng, "w")])
    expected = in_image(made)[:, [1, 3]]
    np.testing.assert_allclose(clip.x, expected - expected[0, 0, 0], atol=1e-6)
    assert source.notes()[-1] == (
        "1 clips have more than two bodies, of which the two with the highest scores are kept"
    )


def test_the_splits_lists_say_what_is_trained_on(tmp_path):
    annotations, split = flat_annotations()
    del split["train2"][0]
    source, clips = read(tmp_path, annotations, split)
    assert {clip.name for clip in clips if clip.in_train} == set(split["train1"])
    assert {clip.name for clip in clips if not clip.in_train} == set(split["test1"])
    assert source.notes()[0].startswith("the split is train1/test1 of train1/test1, train2/test2")
    source = PysklPickle(tmp_path / "gym_hrnet.pkl", split="train2")
    clips = list(source.clips(1))
    assert {clip.name for clip in clips if clip.in_train} == set(split["train2"])
    assert len(clips) == len(source) == len(annotations) - 1
    assert "1 clips in neither list of train2/test2 are left out" in source.notes()


def test_without_lists_there_is_no_split_and_a_list_of_annotations_is_enough(tmp_path, rng):
    """As PYSKL's custom_2d_skeleton.py writes them."""
    path = tmp_path / "mine.pkl"
    path.write_bytes(pickle.dumps([flat_annotation(rng, f"v{i}", i % 2) for i in range(4)]))
    assert {clip.in_train for clip in PysklPickle(path).clips(1)} == {None}


def test_clips_may_be_called_by_their_file(tmp_path, rng):
    made = flat_annotation(rng, "v")
    made["filename"] = made.pop("frame_dir")
    assert read(tmp_path, [made])[1][0].name == "v"


def test_bodies_one_after_the_other_are_put_into_their_frames(tmp_path, rng):
    """As PYSKL's custom_2d_skeleton.py writes them with --compress."""
    made = flat_annotation(rng, "v", num_frames=4, num_people=2)
    made["keypoint_score"][1, 2:] = 0  # one body only in the last two frames
    _, (expected,) = read(tmp_path, [made])
    x = np.concatenate([made["keypoint"], made.pop("keypoint_score")[..., None]], axis=-1)
    frames = np.array([0, 0, 1, 1, 2, 3], np.int16)
    made["keypoint"] = np.stack([x[0, 0], x[1, 0], x[0, 1], x[1, 1], x[0, 2], x[0, 3]])
    _, (clip,) = read(tmp_path, [made | {"frame_inds": frames}])
    np.testing.assert_array_equal(clip.x, expected.x)


def test_labels_with_gaps_keep_their_number_as_their_name(tmp_path, rng):
    source, clips = read(tmp_path, [flat_annotation(rng, f"v{i}", 3 * i) for i in range(3)])
    assert source.description.class_names == ("class 0", "class 3", "class 6")
    assert [clip.label for clip in clips] == [0, 1, 2]
    assert "`label`: 3 classes with numbers from 0 to 6 are numbered from 0" in source.notes()[0]


def test_clips_without_a_body_are_unreadable(tmp_path, rng):
    nobody = flat_annotation(rng, "nobody", num_people=0)
    unseen = flat_annotation(rng, "unseen")
    unseen["keypoint_score"][:] = 0
    _, clips = read(tmp_path, [nobody, unseen, flat_annotation(rng, "v")])
    assert [isinstance(clip, Unreadable) for clip in clips] == [True, True, False]
    assert clips[0].reason == "no joint of a body was detected in any frame."


def test_flat_clips_of_ntu_have_its_ids_and_protocols_but_another_name(tmp_path, rng):
    names = ["S001C001P001R001A001", "S017C003P020R002A050"]
    given = [flat_annotation(rng, name, int(name[-3:]) - 1) for name in names]
    split = {"xsub_train": names[:1], "xsub_val": names[1:]}
    source, clips = read(tmp_path, given, split, "ntu60_hrnet.pkl")
    about = source.description
    assert (about.name, about.is_ntu) == ("ntu60-2d", True)
    assert about.class_names == ntu.CLASS_NAMES[:60]
    for clip in clips:
        ids = (clip.setup, clip.camera, clip.subject, clip.replication, clip.label)
        assert ids == ntu.parse_name(clip.name)
        assert clip.in_train is None
    with pytest.raises(DataError, match=r"\(S001\w+\) has label 7, but its name says 0"):
        read(tmp_path, [{**given[0], "label": 7}])


def test_other_skeletons_in_3_d(tmp_path, rng):
    given = [
        flat_annotation(rng, f"v{i}", i, keypoint=rng.normal(size=(3, 12, 25, 3)).astype("f4"))
        for i in range(2)
    ]
    for each in given:
        each["keypoint"][0] *= 0.1  # moves least
        del each["keypoint_score"], each["img_shape"]
    source, clips = read(tmp_path, given)
    assert source.description.num_channels == 3
    assert source.description.bones == ntu.BONES
    for clip, annotation in zip(clips, given, strict=True):
        x = annotation["keypoint"]
        moves = [x[body].reshape(-1, 3).var(axis=0).sum() for body in range(3)]
        kept = x[np.argsort(moves)[:0:-1]].swapaxes(0, 1)
        np.testing.assert_array_equal(clip.x, kept - kept[0, 0, 1])


SHAPE = (1, 12, 17, 2)
BAD = {
    "no name": ({"frame_dir": 1}, "annotation 1 has no `frame_dir` that is text"),
    "no label": ({"label": None}, r"annotation 1 \(v1\) must have a whole number from 0"),
    "a negative label": ({"label": -1}, "must have a whole number from 0 as `label`"),
    "no keypoint": (
        {"keypoint": None, "raw_file": "x"},
        r"\(v1\) has no float array `keypoint`, but its `raw_file` beside it, as in k400_hrnet",
    ),
    "whole numbers": ({"keypoint": np.zeros(SHAPE, int)}, "has no float array `keypoint`"),
    "channels": ({"keypoint": np.zeros((1, 12, 17, 4), "f4")}, r"2 or 3\), not \(1, 12, 17, 4\)"),
    "axes": ({"keypoint": np.zeros((12, 17, 2), "f4")}, r"not \(12, 17, 2\)"),
    "other frames": ({"total_frames": 9}, r"\(v1\) has 9 `total_frames`, but 12 in it"),
    "other joints": (
        {"keypoint": np.zeros((1, 12, 18, 2), "f2"), "keypoint_score": np.zeros((1, 12, 18), "f2")},
        r"has \(joints, coordinates\) \(18, 2\), but the first annotation has \(17, 2\)",
    ),
    "scores": ({"keypoint_score": np.zeros((1, 12, 16), "f2")}, r"of shape \(1, 12, 17\)"),
    "scores that are nan": (
        {"keypoint_score": np.full((1, 12, 17), np.nan, "f2")},
        "has a score that is NaN",
    ),
    "scores in 3-D": ({"keypoint": np.zeros((1, 12, 17, 3), "f2")}, "beside 3 coordinates"),
    "no image": ({"img_shape": None}, r"has no `img_shape` \(height, width\)"),
    "an empty image": ({"img_shape": (0, 640)}, r"has the `img_shape` \(0, 640\), which must be p"),
    "nan": ({"keypoint": np.full(SHAPE, np.nan, "f2")}, "clip v1 has a value that is NaN or inf"),
}


@pytest.mark.parametrize(("replaced", "said"), BAD.values(), ids=BAD)
def test_a_bad_annotation_is_said(tmp_path, rng, replaced, said):
    given = [flat_annotation(rng, f"v{i}", i) for i in range(3)]
    given[1] |= replaced
    with pytest.raises(DataError, match=said) as error:
        read(tmp_path, given)
    assert str(error.value).startswith(str(tmp_path / "gym_hrnet.pkl"))


def test_frames_of_compressed_bodies_must_fit(tmp_path, rng):
    made = flat_annotation(rng, "v", num_frames=4)
    made["keypoint"] = np.ones((3, 17, 3), np.float16)
    for frames in (np.array([0, 1, 4]), np.array([0, 1]), np.array([0.0, 1, 2]), [0, 1, 2]):
        with pytest.raises(DataError, match=r"annotation 0 \(v\) must have .*`frame_inds`"):
            read(tmp_path, [made | {"frame_inds": frames}])


def test_a_choice_that_the_file_does_not_leave_is_refused(tmp_path, rng):
    name = "S001C001P001R001A001"
    path = write_pickle(tmp_path / "ntu60_3danno.pkl", [pyskl_annotation(rng, name)])
    with pytest.raises(DataError, match=r"has no scores of joints \(`keypoint_score`\); leave out"):
        len(open_source(str(path), Reading(scores="channel")))
    with pytest.raises(DataError, match=r"whose protocols follow from their names; choose one wit"):
        len(open_source(str(path), Reading(split="xsub_train")))
    bare = flat_annotation(rng, "v")
    del bare["keypoint_score"]
    assert len(read(tmp_path, [bare])[1]) == 1
    with pytest.raises(DataError, match="has no scores"):
        read(tmp_path, [bare], min_score=0.5)


def test_none_of_the_clips_in_a_split(tmp_path, rng):
    split = {"train": ["a"], "test": ["b"]}
    with pytest.raises(DataError, match="none of its 1 clips is in the lists train/test; choose"):
        read(tmp_path, [flat_annotation(rng, "v")], split)


def test_it_is_prepared_with_its_split(tmp_path):
    annotations, split = flat_annotations()
    path = write_pickle(tmp_path / "hmdb51_hrnet.pkl", annotations, split=split)
    archive = prepare(str(path), tmp_path / "cache")
    assert archive.num_clips == 18
    assert archive.in_train.sum() == 9
    other = prepare(str(path), tmp_path / "cache", reading=Reading(split="train2"))
    np.testing.assert_array_equal(other.in_train, 1 - archive.in_train)
    assert other.path != archive.path
