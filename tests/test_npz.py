"""Arrays of an npz: read whole or in slabs, never unpickled, and what is damaged is said."""

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
