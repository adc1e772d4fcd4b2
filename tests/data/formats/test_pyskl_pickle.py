"""PYSKL's pickles: arrays and plain containers are read, code is refused before it runs."""

import os
import pickle
import subprocess
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from data.set_makers import pyskl_annotation, write_pickle

from charon.data.formats.pyskl_pickle import PysklPickle, read_plain_pickle
from charon.data.source import Unreadable
from charon.errors import DataError

NAMES = ("S001C001P001R001A001", "S001C002P003R002A050", "S017C003P020R001A060")
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def annotations(names=NAMES):
    rng = np.random.default_rng(0)
    return [pyskl_annotation(rng, name, num_people=1 + (name[-3:] == "050")) for name in names]


def assert_same(a, b):
    if isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        assert a == b
    assert type(a) is type(b)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_and_plain_containers_are_read_in_every_protocol(tmp_path, protocol):
    rng = np.random.default_rng(0)
    content = {
        "half": rng.normal(size=(2, 3, 4)).astype(np.float16),
        "by columns": np.asfortranarray(rng.normal(size=(3, 4))),
        "a scalar": np.int64(7),
        "names": np.array(["a", "b"]),
        "plain": [
            1,
            2.5,
            None,
            True,
            b"\xff",
            "é",
            (1, 2),
            {3, 4},
            frozenset([5]),
            bytearray(b"x"),
        ],
        "ordered": OrderedDict(a=1),
    }
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    assert_same(read_plain_pickle(path), content)


def test_a_pickle_of_numpy_1_is_read(tmp_path):
    data = pickle.dumps(np.arange(3), protocol=4)
    assert b"numpy._core.multiarray" in data
    old = data.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
    # The frame of protocol 4 says its length, which is one byte less now.
    old = old[:3] + (int.from_bytes(old[3:11], "little") - 1).to_bytes(8, "little") + old[11:]
    (tmp_path / "x.pkl").write_bytes(old)
    np.testing.assert_array_equal(read_plain_pickle(tmp_path / "x.pkl"), np.arange(3))


class Reduced:
    """Asks for ``function(*arguments)`` when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda target: Reduced(os.system, f"touch {target}"), r"(posix|nt)\.system"),
        (lambda target: Reduced(Path, target), r"pathlib\.\w+"),
        (lambda target: Reduced(exec, f"open({str(target)!r}, 'w')"), r"\w+\.exec"),
        (
            lambda target: Reduced(subprocess.call, ["touch", str(target)]),
            r"(subprocess|commands)\.call",
        ),
        (lambda target: Reduced(np.load, target, None, True), r"numpy\.load"),
        (lambda target: Reduced(getattr, "text", "upper"), r"\w+\.getattr"),
    ],
    ids=["system", "path", "exec", "subprocess", "np.load", "getattr"],
)
@pytest.mark.parametrize("where", ["alone", "inside"])
def test_a_pickle_that_carries_code_is_refused_and_nothing_of_it_is_run(
    tmp_path, protocol, make, name, where
):
    target = tmp_path / "it ran"
    code = make(target)
    path = tmp_path / "ntu60_3danno.pkl"
    content = code if where == "alone" else {"annotations": [*annotations(), {"keypoint": code}]}
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    with pytest.raises(DataError, match=rf"carries code \(it asks for `{name}`\) and was refused"):
        len(PysklPickle(path))
    assert not target.exists()


def test_an_object_of_any_class_is_code(tmp_path):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({"when": Path("x")}))
    with pytest.raises(DataError, match=r"carries code \(it asks for `pathlib"):
        read_plain_pickle(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_pickle_is_said(tmp_path, share):
    path = write_pickle(tmp_path / "x.pkl", annotations())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match=r"is no pickle, or it is truncated or damaged \(.+\); c"):
        read_plain_pickle(path)


def test_random_bytes_are_said(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "x.pkl"
    for _ in range(300):
        path.write_bytes(rng.bytes(200))
        with pytest.raises(DataError, match="is no pickle, or it is"):
            read_plain_pickle(path)


def test_clips_are_centred_float32_in_ntus_layout(tmp_path):
    given = annotations()
    source = PysklPickle(write_pickle(tmp_path / "ntu60_3danno.pkl", given))
    clips = list(source.clips(1))
    assert len(source) == 3
    assert [clip.name for clip in clips] == list(NAMES)
    for clip, annotation in zip(clips, given, strict=True):
        points = annotation["keypoint"].astype(np.float32)
        num_bodies = len(points)
        assert clip.x.dtype == np.float32
        assert clip.x.shape == (20, 2, 25, 3)
        for body in range(num_bodies):
            np.testing.assert_array_equal(clip.x[:, body], points[body] - points[0, 0, 1])
        assert not clip.x[:, num_bodies:].any()
    ids = clips[1].setup, clips[1].camera, clips[1].subject, clips[1].replication, clips[1].label
    assert ids == (1, 2, 3, 2, 49)
    assert source.description.name == "ntu60"


def test_a_set_with_a_class_above_60_has_120(tmp_path):
    path = write_pickle(tmp_path / "x.pkl", annotations([*NAMES, "S018C001P041R001A061"]))
    assert len(PysklPickle(path).description.class_names) == 120


def test_an_absent_second_body_stays_zero_when_the_first_is_centred(tmp_path):
    given = annotations()
    given[1]["keypoint"][1, 5:] = 0
    clip = list(PysklPickle(write_pickle(tmp_path / "x.pkl", given)).clips(1))[1]
    assert clip.x[:5, 1].all(axis=(1, 2)).all()
    assert not clip.x[5:, 1].any()


def test_a_copied_second_body_is_zeroed(tmp_path):
    given = annotations()
    given[0]["keypoint"] = np.repeat(given[0]["keypoint"], 2, axis=0)
    clips = list(PysklPickle(write_pickle(tmp_path / "x.pkl", given)).clips(1))
    assert [clip.duplicated for clip in clips] == [True, False, False]
    assert not clips[0].x[:, 1].any()


def test_a_clip_of_zeros_is_unreadable(tmp_path):
    given = annotations()
    given[0]["keypoint"][:] = 0
    clip = next(PysklPickle(write_pickle(tmp_path / "x.pkl", given)).clips(1))
    assert isinstance(clip, Unreadable)
    assert clip.name == NAMES[0]


HALF = np.float16
BAD = {
    "no dict": (5, "annotation 1 is not a dictionary"),
    "no name": ({"label": 1}, "annotation 1 has no `frame_dir`"),
    "a name that is a number": ({"frame_dir": 3}, "annotation 1 has a `frame_dir` that is a int"),
    "a foreign name": ({"frame_dir": "clip 7"}, "has a wrong `frame_dir`: `clip 7` is not a clip"),
    "a label out of range": ({"label": 60}, r"\(S001\w+\) has label 60, but its name says 49"),
    "a text label": ({"label": "1"}, "annotation 1 has a `label` that is a str"),
    "a list of points": ({"keypoint": [1]}, "annotation 1 has a `keypoint` that is a list"),
    "2-D": ({"keypoint": np.zeros((1, 20, 25, 2), HALF)}, r"shape \(body, frame, 25, 3\), not"),
    "17 joints": ({"keypoint": np.zeros((1, 20, 17, 3), HALF)}, r"not \(1, 20, 17, 3\)"),
    "whole numbers": ({"keypoint": np.zeros((1, 20, 25, 3), int)}, "must have a float `keypoint`"),
    "too few axes": ({"keypoint": np.zeros((20, 25, 3), HALF)}, r"not \(20, 25, 3\)"),
    "3 bodies": ({"keypoint": np.zeros((3, 20, 25, 3), HALF)}, "of 1 or 2 bodies and a frame"),
    "no frame": ({"keypoint": np.zeros((1, 0, 25, 3), HALF)}, "of 1 or 2 bodies and a frame"),
    "other frames": ({"total_frames": 21}, r"has 21 `total_frames`, but 20 in it"),
    "nan": ({"keypoint": np.full((1, 20, 25, 3), np.nan, HALF)}, r"clip S001\w+ .* NaN or infin"),
}


@pytest.mark.parametrize(("replaced", "said"), BAD.values(), ids=BAD)
def test_a_bad_annotation_is_said(tmp_path, replaced, said):
    given = annotations()
    given[1] = {**given[1], **replaced} if isinstance(replaced, dict) else replaced
    if replaced == {"label": 1}:
        del given[1]["frame_dir"]
    path = write_pickle(tmp_path / "ntu60_3danno.pkl", given)
    with pytest.raises(DataError, match=said) as error:
        list(PysklPickle(path).clips(1))
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize("content", [[1, 2], {"split": {}}, {"annotations": {}}])
def test_a_pickle_of_something_else_is_said(tmp_path, content):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError, match=r"has no list `annotations`; make it again with PYSKL"):
        len(PysklPickle(path))
