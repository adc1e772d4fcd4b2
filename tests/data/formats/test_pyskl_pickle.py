"""PYSKL's pickles: arrays and plain containers are read, code is refused before it runs."""

import os
import pickle
import re
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
    if isinstance(b, np.ndarray):
        assert isinstance(a, np.ndarray)
        np.testing.assert_array_equal(a, b)
        # numpy itself turns a foreign byte order into the machine's in protocols below 5.
        assert a.dtype.newbyteorder("=") == b.dtype.newbyteorder("=")
        assert a.flags.f_contiguous or not b.flags.f_contiguous
        return
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        assert a == b


def content():
    rng = np.random.default_rng(0)
    numbers = [f"{order}{kind}" for kind in ("f2", "f4", "f8", "i2", "u4", "i8") for order in "<>"]
    return {
        "arrays": [np.arange(6).reshape(2, 3).astype(name) for name in [*numbers, "i1", "?"]],
        "scalars": [np.float16(1.5), np.int64(7), np.bool_(True), np.str_("\xe9")],
        "by columns": np.asfortranarray(rng.normal(size=(3, 4))),
        "every other": np.arange(10)[::2],
        "without axes": np.array(2.5),
        "empty": np.zeros((1, 0, 25, 3), np.float16),
        "text": [np.array(["a", "b\xe9"]), np.array([b"\xff", b"ab"]), np.array([""])],
        "twice": [np.arange(3)] * 2,
        "plain": [
            1,
            2.5,
            None,
            True,
            b"\xff",
            "\xe9",
            (1, 2),
            {3, 4},
            frozenset([5]),
            bytearray(b"x"),
        ],
        "ordered": OrderedDict(a=1),
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_and_plain_containers_are_read_in_every_protocol(tmp_path, protocol):
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps(content(), protocol=protocol))
    assert_same(read_plain_pickle(path), content())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_of_numpy_1_is_read(tmp_path, protocol):
    data = pickle.dumps(content(), protocol=protocol)
    old = data.replace(b"cnumpy._core.", b"cnumpy.core.")  # a line of text before protocol 4
    for module in (b"numpy._core.multiarray", b"numpy._core.numeric"):
        shorter = module.replace(b"_", b"")
        said, expected = (b"\x8c%c%s" % (len(name), name) for name in (module, shorter))
        old = old.replace(said, expected)
    assert b"numpy.core." in old
    assert b"numpy._core" not in old
    if protocol >= 4:
        # The first frame says its length.
        length = int.from_bytes(old[3:11], "little") - (len(data) - len(old))
        old = old[:3] + length.to_bytes(8, "little") + old[11:]
    (tmp_path / "x.pkl").write_bytes(old)
    assert_same(read_plain_pickle(tmp_path / "x.pkl"), content())


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


# The types of an array below: its name, and the state that numpy gives it.
F2 = np.dtype("f2").__reduce__()[2]
WRONG_TYPES = {
    # numpy's unpickling takes this for a pointer, and the process crashes.
    "a number for the subarray": ("f2", (3, "<", 20046, None, None, -1, -1, 0), "a type f2 that"),
    "the flag of Python objects": ("f2", (*F2[:-1], 1), "a type f2 that is not numpy's"),
    "a size": ("f2", (3, "<", None, None, None, 8, 1, 0), "a type f2 that is not numpy's"),
    "another byte order": ("i1", F2, "a type i1 that is not numpy's"),
    "no byte order": ("f2", (3, "f4,O", *F2[2:]), "is no pickle, or it is truncated or damaged"),
    "no tuple": ("f2", "3<", "a type f2 that is not numpy's"),
    "metadata": ("f2", (4, *F2[1:], {"a": 1}), "a type f2 that is not numpy's"),
    "objects": ("O8", np.dtype("O").__reduce__()[2], "an array of the type 'O8'"),
    "fields": ("f4,O", F2, "an array of the type 'f4,O'"),
    "times": ("M8", np.dtype("M8").__reduce__()[2], "an array of the type 'M8'"),
    "endless text": ("U99999", F2, "an array of the type 'U99999'"),
}


class Typed:
    """A type as numpy pickles it, with any name and state."""

    def __init__(self, name="f2", state=F2):
        self.name, self.state = name, state

    def __reduce__(self):
        return np.dtype, (self.name, False, True), self.state


class Array:
    """An array of two bytes a number as protocols below 5 pickle it, with any state."""

    def __init__(self, shape=(3,), dtype=None, data=bytes(6), is_fortran=False):
        self.state = 1, shape, dtype or Typed(), is_fortran, data

    def __reduce__(self):
        reconstruct, arguments, _ = np.zeros(0).__reduce__()
        return reconstruct, arguments, self.state


def refusal_of(tmp_path, content, protocol):
    path = tmp_path / "ntu60_3danno.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    with pytest.raises(DataError) as error:
        len(PysklPickle(path))
    assert str(error.value).startswith(f"{path} is no pickle, or it is truncated or damaged (")
    assert str(error.value).endswith("); copy it again.")
    return str(error.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("name", "state", "said"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_a_type_that_numpy_would_not_write_is_refused(tmp_path, name, state, said, protocol):
    given = annotations()
    given[1]["keypoint"] = Array(shape=(1, 1, 25, 3), dtype=Typed(name, state), data=bytes(150))
    content = {"annotations": given}
    assert said in refusal_of(tmp_path, content, protocol)


class Buffer(Array):
    """The same as protocol 5 pickles it."""

    def __reduce_ex__(self, protocol):
        _, shape, dtype, _, data = self.state
        function = np.zeros(1).__reduce_ex__(5)[0]
        return function, (data, dtype, shape, "C")


@pytest.mark.parametrize("kind", [Array, Buffer])
@pytest.mark.parametrize(
    ("replaced", "said"),
    [
        ({"data": bytes(4)}, "buffer is too small"),
        ({"data": bytes(8)}, "it has 8 bytes for an array (3,)"),
        ({"data": bytes(7)}, "it has 7 bytes for an array (3,)"),
        ({"data": [1, 2, 3]}, "it has an array that is not made of bytes"),
        ({"data": "text"}, "it has an array that is not made of bytes"),
        ({"data": np.zeros(3, np.float16)}, "it has an array that is not made of bytes"),
        ({"shape": (-3,)}, "negative dimensions"),
        ({"shape": (10**9,) * 2}, "buffer is too small"),
        ({"shape": (2**62, 2**62)}, "too large|too big|too small"),
        ({"shape": "three"}, ""),
        ({"dtype": "f2"}, ""),
    ],
)
def test_an_array_is_made_of_exactly_its_bytes(tmp_path, kind, replaced, said):
    content = {"annotations": [{"keypoint": kind(**replaced)}]}
    assert re.search(said.replace("(", r"\(").replace(")", r"\)"), refusal_of(tmp_path, content, 5))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_pickle_is_said(tmp_path, share):
    path = write_pickle(tmp_path / "x.pkl", annotations())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match=r"is no pickle, or it is truncated or damaged \(.+\); c"):
        read_plain_pickle(path)


@pytest.mark.parametrize(
    ("put", "place"), [(b"r\xff\xff\xff\xff", 2**32 - 1), (b"p999999999\n", 999_999_999)]
)
def test_a_place_in_the_memo_that_no_pickler_gives_is_refused(tmp_path, put, place):
    """The unpickler would make room for it: here for billions of entries."""
    path = tmp_path / "x.pkl"
    path.write_bytes(b"\x80\x02N" + put + b".")
    with pytest.raises(DataError, match=rf"damaged \(it has the place {place} in its memo\)"):
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
