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


def clips_of(source):
    return list(source.clips(2))


def assert_same_clips(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.x, b.x)
        assert (a.name, a.label, a.subject, a.in_train) == (b.name, b.label, b.subject, b.in_train)


ALSO_READ = {
    "labels from 1": ({"label": 1 + np.arange(6) % 2}, "`label`: 2 classes with numbers from 1 to"),
    "labels with a gap": (
        {"label": np.arange(6) % 2 * 7},
        "`label`: 2 classes with numbers from 0",
    ),
    "labels as floats": ({"label": np.arange(6) % 2 * 1.0}, ""),
    "one-hot labels": ({"label": np.eye(2)[np.arange(6) % 2]}, "`label`: one-hot rows are read as"),
    "labels as text": ({"label": np.array(["a", "b"] * 3)}, "`label`: text is read as class names"),
    "a mask of 0 and 1": (
        {"train_mask": np.array([1, 1, 1, 0, 0, 0])},
        "`train_mask`: 1 is read as",
    ),
    "no n_frames": ({"n_frames": None}, "there is no `n_frames`, so the empty frames at a clip's"),
    "a class name too many": (
        {"class_names": np.array(["a", "b", "c"])},
        "`label`: c of 3 classes left out, for lack of a clip",
    ),
    "half floats": ({}, ""),
}


@pytest.mark.parametrize(("replaced", "said"), ALSO_READ.values(), ids=ALSO_READ)
def test_the_same_clips_are_read_from_other_forms_and_the_conversion_is_said(
    tmp_path, replaced, said
):
    source = save(tmp_path)
    expected = clips_of(source)
    assert list(source.notes()) == []
    source = save(tmp_path, **replaced)
    assert_same_clips(clips_of(source), expected)
    assert len(source.notes()) == (said != "")
    assert said in "".join(source.notes())


ORDERS = {
    "NTVCM": (0, 2, 3, 1, 4),
    "NMTVC": (0, 4, 2, 3, 1),
    "VCTMN": (3, 1, 2, 4, 0),
    "TNVCM": (2, 0, 3, 1, 4),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("where", ["argument", "file"])
def test_axes_in_another_order_are_read_where_it_is_named(tmp_path, order, where):
    expected = clips_of(save(tmp_path))
    x = np.ascontiguousarray(any_arrays()["x"].transpose(ORDERS[order]))
    if where == "argument":
        save(tmp_path, x=x)
        source = PlainNpz(tmp_path / "set.npz", axes=order)
        assert source.identity() != PlainNpz(tmp_path / "set.npz").identity()
    else:
        source = save(tmp_path, x=x, axes=np.array(order))
        with pytest.raises(DataError, match=rf"data.axes is NCTVM, but the file says {order}"):
            len(PlainNpz(tmp_path / "set.npz", axes="NCTVM"))
    assert_same_clips(clips_of(source), expected)


def test_axes_in_another_order_are_read_where_it_alone_is_possible(tmp_path):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6, 3, 10, 5, 2)).astype(np.float32)
    whole = {"n_frames": np.full(6, 10), "x": x}
    expected = clips_of(save(tmp_path, **whole))
    turned = np.ascontiguousarray(x.transpose(0, 2, 3, 1, 4))
    source = save(tmp_path, **whole | {"x": turned})
    assert_same_clips(clips_of(source), expected)
    assert "`x`: the axes of (6, 10, 5, 3, 2) are read as NTVCM, the only" in source.notes()[0]


def test_without_the_axis_of_bodies_there_is_one(tmp_path):
    x = any_arrays()["x"][..., 0]
    source = save(tmp_path, x=x)
    assert source.description.num_bodies == 1
    for clip, other in zip(clips_of(source), clips_of(save(tmp_path)), strict=True):
        np.testing.assert_array_equal(clip.x[:, 0], other.x[:, 0])


@pytest.mark.parametrize("axes", ["TCVM", "TMVC"])
def test_frames_of_all_clips_one_after_the_other(tmp_path, axes, monkeypatch):
    expected = clips_of(save(tmp_path))
    arrays = any_arrays()
    frames = [
        x[:, :count].transpose(1, 0, 2, 3)
        for x, count in zip(arrays["x"], arrays["n_frames"], strict=True)
    ]
    flat = np.concatenate(frames)
    flat = flat if axes == "TCVM" else np.ascontiguousarray(flat.transpose(0, 3, 2, 1))
    # Slabs of a few frames, so that clips lie across them.
    monkeypatch.setattr("charon.npz._SLAB_BYTES", 4 * flat[0].nbytes)
    save(tmp_path, x=flat)
    source = PlainNpz(tmp_path / "set.npz", axes=axes)
    assert_same_clips(clips_of(source), expected)
    assert source.notes() == ["`x` has the frames of all clips one after the other"]
    with pytest.raises(DataError, match="can be read as TCVM, TMVC"):
        len(PlainNpz(tmp_path / "set.npz"))


def test_of_many_bodies_the_two_that_move_most_are_kept(tmp_path):
    rng = np.random.default_rng(0)
    sway = np.array([0.1, 3, 0.5, 1])
    x = (rng.normal(size=(6, 3, 12, 5, 4)) * sway).astype(np.float32)
    source = save(tmp_path, x=x, n_frames=np.full(6, 12))
    assert source.description.num_bodies == 2
    for row, clip in enumerate(clips_of(source)):
        kept = x[row][..., [1, 3]].transpose(1, 3, 2, 0)
        np.testing.assert_array_equal(clip.x, kept - kept[0, 0, 1])
    assert source.notes() == ["of up to 4 bodies in a clip, the two that move most are kept"]


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
    "no label": ({"label": None}, r"has no array `label`"),
    "axes of x": ({"x": X[0]}, r"`x` must be float32 \(clip, channel, frame, joint, body\), of 6"),
    "an empty x": ({"x": X[:0]}, r"but it is float32 \(0, 2, 10, 5, 2\)"),
    "kind of x": ({"x": X.astype(int)}, r"but it is int64 \(6, 2, 10, 5, 2\)"),
    "channels": ({"x": X[:, [0, 0, 0, 0], ..., :1]}, r"but its shape is \(6, 4, 10, 5, 1\)"),
    "axes that can be read twice": (
        {"x": X[..., [0, 1, 0]]},
        r"\(6, 2, 10, 5, 3\), whose axes can be read as NCTVM, NMTVC .* --set data.axes=NCTVM",
    ),
    "axes in no order": ({"axes": np.array("NCTV")}, r"must be an order of the letters NCTVM but"),
    "axes that do not fit": (
        {"axes": np.array("NTCVM")},
        r"`x` cannot have the axes NTCVM \(N 6, T 2, C 10, V 5, M 2\)",
    ),
    "nan": ({"x": with_nan()}, r"`x`: row 4 has a value that is NaN or infinite, or bey"),
    "padding": ({"x": with_values_in_the_padding()}, r"row 3 of `x` is not zero after its \d fra"),
    "by columns": ({"x": np.asfortranarray(X)}, r"`x` is stored column by column"),
    "objects": ({"label": np.array([None] * 6)}, r"`label` holds Python objects, which can carry"),
    "frames 0": ({"n_frames": np.zeros(6, int)}, r"`n_frames` must be from 1 to 10, but entry 0"),
    "frames 11": ({"n_frames": np.full(6, 11)}, r"`n_frames` must be from 1 to 10, .* is 11\."),
    "one label short": ({"label": np.arange(5), "n_frames": None}, r"of 5 clips as there are lab"),
    "frames for other clips": ({"label": np.arange(5)}, r"`n_frames` must be 5 whole numbers, but"),
    "labels that are no whole numbers": (
        {"label": np.full(6, 0.5)},
        r"`label` must be from 0 to 32767, but entry 0 is 0\.5\.",
    ),
    "label -1": ({"label": np.array([0, 1, 0, -1, 0, 1])}, r"`label` .* but entry 3 is -1\."),
    "label too large": (
        {"class_names": np.array(["a", "b"]), "label": np.array([0, 1, 2, 0, 0, 1])},
        r"`label` must be from 0 to 1, a number for each of the 2 class names, but row 2 has 2\.",
    ),
    "labels from 0 or from 1": (
        {"class_names": np.array(["a", "b", "c"]), "label": np.array([1, 2, 1, 2, 1, 2])},
        r"`label` is from 1 to 2, which may count the 3 class names from 0 or from 1",
    ),
    "two hot": ({"label": np.ones((6, 2))}, r"`label`: row 0 is not one-hot"),
    "text without a name": (
        {"class_names": np.array(["a", "b"]), "label": np.array(list("abcabc"))},
        r"`label` has the class 'c', which is none of the class names",
    ),
    "class names": ({"class_names": np.arange(2)}, r"`class_names` must be a list of text, but "),
    "class objects": ({"class_names": np.array(["a", None])}, r"`class_names` holds Python obj"),
    "train mask": ({"train_mask": np.full(6, 2)}, r"`train_mask` must be 6 booleans, or 0 and 1"),
    "train mask of a clip": ({"train_mask": np.ones(1)}, r"`train_mask` must be 6 booleans"),
    "subjects": ({"subject": np.ones((6, 1), int)}, r"`subject` must be 6 whole numbers, but it"),
    "a large view": ({"view": np.full(6, 2**20)}, r"`view` must be from 0 to 32766, but entry 0"),
    "centre joint": ({"centre_joint": np.array(5)}, r"`centre_joint` must be one whole number fr"),
    "to25": ({"to25": np.zeros(20, int)}, r"`to25` must be 25 whole numbers, but it is int64"),
    "parts": ({"parts": np.zeros(4, int)}, r"`parts` must be 5 whole numbers, but it is int64"),
}


@pytest.mark.parametrize(("replaced", "said"), BAD.values(), ids=BAD)
def test_a_bad_array_is_said(tmp_path, replaced, said):
    with pytest.raises(DataError, match=said) as error:
        list(save(tmp_path, **replaced).clips(2))
    assert str(error.value).startswith(str(tmp_path / "set.npz"))
