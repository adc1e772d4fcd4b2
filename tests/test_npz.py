"""Arrays of an npz: read whole or in slabs, never unpickled, and what is damaged is said."""

import os
import re
import zipfile
from contextlib import closing

import numpy as np
import pytest

from charon.errors import DataError
from charon.npz import NpzReader

ARRAYS = {
    "x": np.random.default_rng(0).normal(size=(50, 9, 7)).astype(np.float32),
    "label": np.arange(50),
    "names": np.array(["a", "bé"]),
}
SAVES = pytest.mark.parametrize("save", [np.savez, np.savez_compressed])


def read_all(path):
    with closing(NpzReader(path)) as npz:
        return {key: npz.read(key) for key in npz.keys} | {"x": np.concatenate([*npz.slabs("x")])}


@SAVES
def test_arrays_come_back_whole_and_in_slabs(tmp_path, save):
    save(tmp_path / "a.npz", **ARRAYS)
    back = read_all(tmp_path / "a.npz")
    assert back.keys() == ARRAYS.keys()
    for key, array in ARRAYS.items():
        np.testing.assert_array_equal(back[key], array)
        assert back[key].dtype == array.dtype


def test_a_large_array_comes_in_slabs_of_about_32_mib(tmp_path):
    rows = np.arange(40 * 2**18, dtype=np.float32).reshape(40, -1)  # of 1 MiB each
    np.savez(tmp_path / "a.npz", x=rows)
    with closing(NpzReader(tmp_path / "a.npz")) as npz:
        slabs = list(npz.slabs("x"))
    assert [len(slab) for slab in slabs] == [32, 8]
    np.testing.assert_array_equal(np.concatenate(slabs), rows)


def test_an_array_by_columns_is_read_whole_but_not_in_slabs(tmp_path):
    array = np.asfortranarray(np.arange(6).reshape(2, 3))
    np.savez(tmp_path / "a.npz", x=array)
    with closing(NpzReader(tmp_path / "a.npz")) as npz:
        np.testing.assert_array_equal(npz.read("x"), array)
        with pytest.raises(DataError, match=r"`x` is stored column by column; save it again with"):
            list(npz.slabs("x"))


def test_a_missing_array_is_said_with_the_known_ones(tmp_path):
    np.savez(tmp_path / "a.npz", b=1, c=2)
    message = r"a\.npz has no array `x`; it has: b, c\.$"
    with closing(NpzReader(tmp_path / "a.npz")) as npz, pytest.raises(DataError, match=message):
        npz.header("x")


def test_python_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([None, {}]))
    with closing(NpzReader(tmp_path / "a.npz")) as npz:
        for read in (npz.header, npz.read, lambda key: list(npz.slabs(key))):
            with pytest.raises(DataError, match=r"`x` holds Python objects, which can carry code"):
                read("x")


@SAVES
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_said(tmp_path, save, share):
    path = tmp_path / "a.npz"
    save(path, **ARRAYS)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(
        DataError, match=r"is not an \.npz, or it is truncated or damaged \(.*\); copy or"
    ):
        read_all(path)


@SAVES
def test_a_damaged_array_is_said(tmp_path, save):
    path = tmp_path / "a.npz"
    save(path, **ARRAYS)
    data = bytearray(path.read_bytes())
    data[500:1500] = bytes(1000)
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"`x` is truncated or damaged \(.*\); copy or make"):
        read_all(path)


def test_a_vanished_file_is_said(tmp_path):
    with pytest.raises(DataError, match=r"a\.npz cannot be read: No such file"):
        NpzReader(tmp_path / "a.npz")


# What a header or a directory says is not believed.


def packed(path, header, body=b"", name="x.npy", packing=zipfile.ZIP_STORED, version=b"\1\0"):
    """Write an .npz of an array with any header."""
    text = header.encode()
    size = len(text).to_bytes(2 if version == b"\1\0" else 4, "little")
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr(name, b"\x93NUMPY" + version + size + text + body)
    return path


def header_of(shape="(3,)", descr="<f4", order="False"):
    return f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n"


def refusal(path, read="header"):
    with closing(NpzReader(path)) as npz, pytest.raises(DataError) as error:
        list(npz.slabs("x")) if read == "slabs" else getattr(npz, read)("x")
    assert str(error.value).startswith(f"{path}: `x` ")
    return str(error.value)


@pytest.mark.parametrize("read", ["header", "read", "slabs"])
@pytest.mark.parametrize(
    "header",
    [
        header_of("(1, 3, 1000000000, 25, 2)"),  # 559 GiB
        header_of("(2,)"),
        header_of("(4,)"),
        header_of("(0, 1000000000)"),
        header_of("(999999999999999999, 999999999999999999)"),
        header_of("(1000000000000,)", "<U0"),
        header_of("(3,)", "<f8"),
    ],
)
def test_an_array_that_is_not_as_large_as_its_header_says_is_refused_before_it_is_made(
    tmp_path, header, read
):
    path = packed(tmp_path / "a.npz", header, bytes(12))
    assert re.search("bytes follow|not that of a number", refusal(path, read))


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': ('<f4', 'fortran_order': False, 'shape': (3,), }",  # never closed
        header_of("(" * 5000),
        header_of("-" * 9000 + "3"),  # fills the stack of Python's parser
        header_of("(-3,)"),
        header_of("None"),
        header_of("(3, 'a')"),
        header_of("(2.5,)"),
        header_of(descr="f4,f4"),
        header_of(descr="<x9"),
        header_of(descr="|V4"),
        header_of() * 2 + "__import__('os')",
        "",
    ],
)
def test_a_header_that_numpy_does_not_write_is_refused(tmp_path, header):
    assert "is truncated or damaged (" in refusal(packed(tmp_path / "a.npz", header, bytes(12)))


@pytest.mark.parametrize("version", [b"\1\0", b"\2\0"])
@pytest.mark.parametrize("shape", ["(3,)", "(3L,)", "(3, 1)", "(1,3,)"])
def test_headers_of_older_writers_are_read(tmp_path, version, shape):
    body = np.arange(3, dtype=np.float32).tobytes()
    path = packed(tmp_path / "a.npz", header_of(shape), body, version=version)
    with closing(NpzReader(path)) as npz:
        assert npz.read("x").ravel().tolist() == [0, 1, 2]


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_cannot_be_bounded_is_refused(tmp_path, packing):
    path = packed(tmp_path / "a.npz", header_of(), bytes(12), packing=packing)
    assert "packed in another way than deflate" in refusal(path)


def test_a_member_that_is_encrypted_by_its_flags_is_refused(tmp_path):
    path = packed(tmp_path / "a.npz", header_of(), bytes(12))
    data = bytearray(path.read_bytes())
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + at] |= 1
    path.write_bytes(data)
    assert "it is encrypted" in refusal(path)


def directory_entry(data):
    return data.index(b"PK\1\2")


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [
        (24, b"\xff\xff\xff\x7f", "which it cannot hold"),  # the bytes of the member
        (42, b"\xff\xff\xff\x7f", "truncated or damaged"),  # where it begins
        (10, b"\x63\x00", "in another way than deflate"),
        (16, b"\x00\x00\x00\x00", "CRC-32"),
    ],
)
def test_a_directory_that_lies_is_refused(tmp_path, at, value, said):
    path = packed(tmp_path / "a.npz", header_of(), bytes(12))
    data = bytearray(path.read_bytes())
    start = directory_entry(data) + at
    data[start : start + len(value)] = value
    path.write_bytes(data)
    assert said in refusal(path, "read")


@pytest.mark.parametrize(("at", "value"), [(6, b"\xff\x00"), (8, b"\x00\x08")])
def test_an_unknown_version_or_a_name_that_is_not_utf8_is_said(tmp_path, at, value):
    path = packed(tmp_path / "a.npz", header_of(), bytes(12), name="\xff.npy")
    data = bytearray(path.read_bytes().replace("\xff".encode(), b"\xff\xff"))
    start = directory_entry(data) + at
    data[start : start + 2] = value
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.npz is not an \.npz, or it is truncated or damaged"):
        NpzReader(path)


def test_a_folder_or_a_pipe_in_its_place_is_said(tmp_path):
    (tmp_path / "a.npz").mkdir()
    os.mkfifo(tmp_path / "b.npz")
    for name in ("a.npz", "b.npz"):
        with pytest.raises(DataError, match=rf"{name} cannot be read: it is no file"):
            NpzReader(tmp_path / name)


def test_a_row_that_would_fill_memory_is_refused(tmp_path):
    path = packed(tmp_path / "a.npz", header_of("(1, 200000000)"), bytes(800_000_000), packing=8)
    assert "rows of [200000000], which are too large" in refusal(path, "slabs")
