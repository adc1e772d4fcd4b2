"""Any other set as an npz of plain arrays."""

import numpy as np
import pytest
from data.set_makers import any_arrays

from charon.data.formats.plain_npz import PlainNpz
from charon.data.ntu import PARTS
from charon.data.source import Unreadable
from charon.errors import DataError


def save(tmp_path, **replaced):
    arrays = any_arrays() | replaced
    np.savez(tmp_path / "set.npz", **{k: v for k, v in arrays.items() if v is not None})
    return PlainNpz(tmp_path / "set.npz")


def test_clips_come_without_their_padding_and_centred(tmp_path):
    arrays = any_arrays()
    source = save(tmp_path)
    clips = list(source.clips(2))
    assert len(source) == len(clips) == 6
    for row, clip in enumerate(clips):
        assert clip.name == f"clip-{row:06d}"
        num_frames = arrays["n_frames"][row]
        assert clip.x.shape == (num_frames, 2, 5, 2)
        padded = arrays["x"][row]
        for frame in range(num_frames):
            for body in range(2):
                for joint in range(5):
                    expected = padded[:, frame, joint, body] - padded[:, 0, 1, 0]
                    np.testing.assert_array_equal(clip.x[frame, body, joint], expected)
    assert [clip.label for clip in clips] == [0, 1, 0, 1, 0, 1]
    assert [clip.subject for clip in clips] == [1, 1, 2, 2, 3, 3]
    assert [clip.in_train for clip in clips] == [True] * 3 + [False] * 3
    assert {clip.camera for clip in clips} == {0}


def test_the_description_follows_the_arrays(tmp_path):
    about = save(tmp_path).description
    assert about.name == "set"
    assert about.class_names == ("class 0", "class 1")
    assert (about.num_joints, about.num_bodies, about.num_channels) == (5, 2, 2)
    assert (about.centre_joint, about.parts, about.is_ntu) == (1, {}, False)
    assert about.bones == ()
    optional = {
        "class_names": np.array(["wave", "clap"]),
        "parts": np.array([0, 0, 2, 2, 1]),
        "centre_joint": np.array(3),
        "bones": np.array([[1, 0], [1, 2], [2, 3], [2, 4]]),
    }
    about = save(tmp_path, **optional).description
    assert about.class_names == ("wave", "clap")
    assert about.parts == {"part 0": (0, 1), "part 1": (4,), "part 2": (2, 3)}
    assert about.centre_joint == 3
    assert about.bones == ((1, 0), (1, 2), (2, 3), (2, 4))


def test_parts_are_those_of_ntu_where_only_its_joints_are_named(tmp_path):
    """Joint 0 stands for the whole torso and head, 1 and 2 for arms, 3 and 4 for legs."""
    to25 = np.zeros(25, int)
    for joint, members in enumerate(PARTS.values()):
        to25[list(members)] = joint
    about = save(tmp_path, to25=to25).description
    assert about.parts == {name: (joint,) for joint, name in enumerate(PARTS)}


def test_everything_but_clips_frames_and_labels_is_optional(tmp_path):
    clips = list(save(tmp_path, subject=None, train_mask=None).clips(1))
    assert {(clip.subject, clip.in_train) for clip in clips} == {(0, None)}


def test_ids_count_from_one(tmp_path):
    source = save(tmp_path, subject=np.arange(6), view=np.array([2, 3, 2, 3, 2, 3]))
    clips = list(source.clips(1))
    assert [clip.subject for clip in clips] == [1, 2, 3, 4, 5, 6]
    assert [clip.camera for clip in clips] == [2, 3, 2, 3, 2, 3]


def test_a_clip_of_zeros_is_unreadable(tmp_path):
    x = any_arrays()["x"]
    x[2] = 0
    assert isinstance(list(save(tmp_path, x=x).clips(1))[2], Unreadable)


def test_a_copied_second_body_is_zeroed(tmp_path):
    x = any_arrays()["x"]
    x[2, ..., 1] = x[2, ..., 0]
    clips = list(save(tmp_path, x=x).clips(1))
    assert [clip.duplicated for clip in clips] == [False, False, True, False, False, False]
    assert not clips[2].x[:, 1].any()


def with_nan():
    x = any_arrays()["x"]
    x[4, 0, 0, 0, 0] = np.nan
    return x


def with_values_in_the_padding():
    x = any_arrays()["x"]
    x[3, 0, 9, 0, 0] = 1
    return x


X = any_arrays()["x"]
BAD = {
    "no x": ({"x": None}, r"has no array `x`; it has: label, n_frames, subject, train_mask\."),
    "no n_frames": ({"n_frames": None}, r"has no array `n_frames`"),
    "no label": ({"label": None}, r"has no array `label`"),
    "axes of x": ({"x": X[0]}, r"`x` must be float32 \(clip, channel, frame, joint, body\), but"),
    "an empty x": ({"x": X[:0]}, r"but it is float32 \(0, 2, 10, 5, 2\)"),
    "kind of x": ({"x": X.astype(int)}, r"but it is int64 \(6, 2, 10, 5, 2\)"),
    "channels": ({"x": X[:, :1]}, r"`x` must have 2 or 3 channels \(axis 1\) and 1 or 2 bodies"),
    "bodies": ({"x": X[..., [0, 1, 0]]}, r"but its shape is \(6, 2, 10, 5, 3\)"),
    "nan": (
        {"x": with_nan()},
        r"`x`: row 4 has a value that is NaN or infinite, or beyond 1e9; ",
    ),
    "padding": ({"x": with_values_in_the_padding()}, r"row 3 of `x` is not zero after its \d fra"),
    "by columns": ({"x": np.asfortranarray(X)}, r"`x` is stored column by column"),
    "objects": ({"label": np.array([None] * 6)}, r"`label` holds Python objects, which can carry"),
    "frames 0": ({"n_frames": np.zeros(6, int)}, r"`n_frames` must be from 1 to 10, but entry 0"),
    "frames 11": ({"n_frames": np.full(6, 11)}, r"`n_frames` must be from 1 to 10, .* is 11\."),
    "one label short": ({"label": np.arange(5)}, r"`label` must be 6 whole numbers, but it is in"),
    "float labels": ({"label": np.zeros(6)}, r"`label` must be 6 whole numbers, but it is float"),
    "label -1": ({"label": np.array([0, 1, 0, -1, 0, 1])}, r"`label` .* but entry 3 is -1\."),
    "label too large": (
        {"class_names": np.array(["a", "b"]), "label": np.array([0, 1, 2, 0, 0, 1])},
        r"`label` must be from 0 to 1, a number for each of the 2 class names, but row 2 has 2\.",
    ),
    "an empty class": (
        {"label": np.array([0, 2, 2, 2, 2, 2])},
        r"no clip has label 1 \(class 1\); every class needs a clip",
    ),
    "a class without clips": (
        {"class_names": np.array(["a", "b", "c"])},
        r"no clip has label 2 \(c\)",
    ),
    "class names": ({"class_names": np.arange(2)}, r"`class_names` must be a list of text, but "),
    "class objects": ({"class_names": np.array(["a", None])}, r"`class_names` holds Python obj"),
    "train mask": ({"train_mask": np.ones(6)}, r"`train_mask` must be 6 booleans, but it is flo"),
    "subjects": ({"subject": np.ones((6, 1), int)}, r"`subject` must be 6 whole numbers, but it"),
    "a large view": ({"view": np.full(6, 2**20)}, r"`view` must be from 0 to 32766, but entry 0"),
    "centre joint": ({"centre_joint": np.array(5)}, r"`centre_joint` must be one whole number fr"),
    "to25": ({"to25": np.zeros(20, int)}, r"`to25` must be 25 whole numbers, but it is int64"),
    "parts": ({"parts": np.zeros(4, int)}, r"`parts` must be 5 whole numbers, but it is int64"),
    "flat bones": ({"bones": np.zeros(4, int)}, r"`bones` must be two whole numbers for each bone"),
    "a bone too far": (
        {"bones": np.array([[0, 1], [1, 5]])},
        r"`bones` must be two different joints from 0 to 4, but row 1 is 1, 5\.",
    ),
    "a bone of one joint": ({"bones": np.array([[2, 2]])}, r"but row 0 is 2, 2\."),
    "a field file": (
        {"x_train": X, "y_train": X},
        r"has the arrays of an NTU RGB\+D file but not the name of one; rename it .*NTU60_XSub",
    ),
}


@pytest.mark.parametrize(("replaced", "said"), BAD.values(), ids=BAD)
def test_a_bad_array_is_said(tmp_path, replaced, said):
    with pytest.raises(DataError, match=said) as error:
        list(save(tmp_path, **replaced).clips(2))
    assert str(error.value).startswith(str(tmp_path / "set.npz"))
