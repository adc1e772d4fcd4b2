"""Labels as files have them: every conversion to known values, and what is ambiguous refused."""

import numpy as np
import pytest

from charon.data.formats.labels import read_labels
from charon.errors import DataError


def read(values, names=None):
    return read_labels(np.array(values), "a.npz: `label`", names)


def test_labels_from_0_are_as_they_are():
    label, names, note = read([0, 2, 1, 0])
    assert label.tolist() == [0, 2, 1, 0]
    assert label.dtype == np.int64
    assert names == ("class 0", "class 1", "class 2")
    assert note == ""
    assert read([1, 0], ["sit", "run"])[1:] == (("sit", "run"), "")


@pytest.mark.parametrize(
    ("values", "expected", "names"),
    [
        ([1, 3, 2], [0, 2, 1], ("class 1", "class 2", "class 3")),
        ([0, 7, 7, 3], [0, 2, 2, 1], ("class 0", "class 3", "class 7")),
        ([4.0, 9.0], [0, 1], ("class 4", "class 9")),
        ([[2], [1]], [1, 0], ("class 1", "class 2")),
    ],
)
def test_numbers_from_1_or_with_gaps_are_numbered_anew_and_stay_in_the_name(
    values, expected, names
):
    label, found, note = read(values)
    assert label.tolist() == expected
    assert found == names
    assert "are numbered from 0 without gaps, and keep their number" in note


def test_numbers_from_1_with_a_name_each():
    label, names, note = read([3, 1, 2, 1], ["a", "b", "c"])
    assert label.tolist() == [2, 0, 1, 0]
    assert names == ("a", "b", "c")
    assert note == "numbers from 1 to 3 count from 1"


def test_names_without_a_clip_are_left_out():
    label, names, note = read([0, 3, 3], ["a", "b", "c", "d"])
    assert label.tolist() == [0, 1, 1]
    assert names == ("a", "d")
    assert note == "b and 1 more of 4 classes left out, for lack of a clip"


def test_one_hot_rows():
    label, names, note = read([[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    assert label.tolist() == [1, 2, 0]
    assert names == ("class 0", "class 1", "class 2")
    assert note == "one-hot rows are read as numbers"
    label, names, note = read([[0.0, 0, 1], [1, 0, 0]], ["a", "b", "c"])
    assert label.tolist() == [1, 0]
    assert names == ("a", "c")
    assert note.endswith("b of 3 classes left out, for lack of a clip")


def test_text_gives_the_class_names():
    label, names, note = read(["run", "sit", "run"])
    assert label.tolist() == [0, 1, 0]
    assert names == ("run", "sit")
    assert note == "text is read as class names, in alphabetical order"
    assert read(np.array([b"run", b"sit"])).class_names == ("run", "sit")
    label, names, _ = read(["run", "sit", "run"], ["sit", "run"])
    assert label.tolist() == [1, 0, 1]
    assert names == ("sit", "run")


@pytest.mark.parametrize(
    ("values", "names", "said"),
    [
        ([1, 2, 1], ["a", "b", "c"], "may count the 3 class names from 0 or from 1"),
        ([0, 3], ["a", "b", "c"], "must be from 0 to 2, .* but row 1 has 3"),
        ([1, 4], ["a", "b", "c"], "must be from 0 to 2"),
        ([0, -1], None, "must be from 0 to 32767, but entry 1 is -1"),
        ([0, 0.5], None, "but entry 1 is 0.5"),
        ([0, np.nan], None, "but entry 1 is nan"),
        ([0, 40000], None, "but entry 1 is 40000"),
        ([[1, 1], [0, 1]], None, "row 0 is not one-hot"),
        ([[1, 0], [0, 0]], None, "row 1 is not one-hot"),
        ([["a", "b"]], None, "row 0 is not one-hot"),
        ([[1, 0]], ["a", "b", "c"], "one-hot with 2 classes, but there are 3 class names"),
        (["a", "x"], ["a", "b"], "has the class 'x'"),
        ([True, False], None, "must be whole numbers or text"),
        ([[[1, 0]]], None, "must be whole numbers or text"),
        ([], None, "is empty"),
    ],
)
def test_what_is_wrong_or_ambiguous_is_said(values, names, said):
    with pytest.raises(DataError, match=said) as error:
        read(values, names)
    assert str(error.value).startswith("a.npz: `label`")
