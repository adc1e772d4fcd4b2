"""Splits by the names of their lists."""

from pathlib import Path

import pytest

from charon.data.formats.splits import choose_split
from charon.errors import DataError

A, B = ["a1", "a2"], ["b1"]
PATH = Path("x.pkl")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("train", "val"), "train/val"),
        (("test1", "train1", "train2", "test2"), "train1/test1"),
        (("xsub_train", "xsub_val"), "xsub_train/xsub_val"),
        (("train", "val", "test"), "train/test"),
        (("training", "validation"), "training/validation"),
        (("held out", "for training"), "for training/held out"),
    ],
)
def test_the_first_pair_of_lists_is_found_by_its_names(names, expected):
    split = choose_split({name: A if "train" in name else B for name in names}, "auto", PATH)
    assert split.name == expected
    assert (split.train, split.test) == (frozenset(A), frozenset(B))
    assert split.has("a1")
    assert not split.has("c")


def test_another_is_chosen_by_its_training_list_or_by_both():
    lists = {"train1": A, "test1": B, "train2": B, "test2": A}
    for wanted in ("train2", "train2/test2"):
        split = choose_split(lists, wanted, PATH)
        assert (split.train, split.test) == (frozenset(B), frozenset(A))
    note = choose_split(lists, "auto", PATH).note
    assert note == (
        "the split is train1/test1 of train1/test1, train2/test2; data.split chooses another"
    )
    assert choose_split({"one": A, "two": B}, "two/one", PATH).name == "two/one"


def test_a_file_without_lists_has_no_split():
    assert choose_split(None, "auto", PATH) is None
    assert choose_split({}, "auto", PATH) is None


@pytest.mark.parametrize(
    ("lists", "wanted", "said"),
    [
        (None, "train", "x.pkl has no split, so leave out data.split"),
        (
            {"one": A, "two": B},
            "auto",
            "has no training and test list among its lists one, two; sa",
        ),
        ({"train": A}, "auto", "has no training and test list among its lists train"),
        ({"train": A, "test": B}, "train2", "has no split train2 .*; choose of train/test"),
        ({"train": A, "test": B}, "train/train", "has no split train/train"),
        ({"train": A, "test": [*B, "a2"]}, "auto", "clip a2 is in both train and test"),
        ({"train": A, "test": [1]}, "auto", "`split` must have lists of clip names"),
        ([A, B], "auto", "`split` must have lists of clip names"),
        ({"train": "a1", "test": B}, "auto", "`split` must have lists"),
    ],
)
def test_what_is_no_split_is_said(lists, wanted, said):
    with pytest.raises(DataError, match=said):
        choose_split(lists, wanted, PATH)
